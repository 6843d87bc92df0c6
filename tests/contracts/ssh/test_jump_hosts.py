"""Through a jump host: one certificate for the way, another one for its end, whoever signs them."""

import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from tests.contracts.ssh.signers import SIGNER, agent_of, certificate_of, key_service, program, signed

from superfacility.adapters.ssh.credentials import Purpose
from superfacility.facility.commands import Command
from superfacility.facility.errors import Unavailable
from superfacility.testing.reserved import reserved_port

WHO = Command(("id", "-un"))
HOW_TO = Path(__file__).parents[3] / "docs/how-to/connect-by-ssh.md"

Signer = Callable[[Path, Path], AbstractAsyncContextManager[dict[str, Any]]]
"""From the CA's key and a folder: the options that let it sign."""


def through(login_node, **options: Any):
    """A transport that goes through the machine's own sshd, as bob."""
    cluster = login_node.cluster
    jump = f"{login_node.bob.name}@{cluster.ssh_host}:{cluster.ssh_port}"
    return login_node.open(jump=[jump], **{"ca_key": None, **options})


async def who(transport, user) -> str:
    return (await transport.run(user, WHO)).stdout.decode().strip()


def documented(ca: Path) -> str:
    """The program of the how-to page."""
    _, _, rest = HOW_TO.read_text().partition("    #!/bin/sh\n")
    lines, _, _ = rest.partition("\n\n")
    text = "#!/bin/sh\n" + textwrap.dedent(lines) + "\n"
    assert "/srv/superfacility/keys/ssh_user_ca" in text
    return text.replace("/srv/superfacility/keys/ssh_user_ca", str(ca))


@asynccontextmanager
async def by_key(ca: Path, _: Path) -> AsyncIterator[dict[str, Any]]:
    yield {"ca_key": str(ca)}


@asynccontextmanager
async def by_agent(ca: Path, folder: Path) -> AsyncIterator[dict[str, Any]]:
    async with agent_of(ca, folder / "agent") as options:
        yield options


@asynccontextmanager
async def by_program(ca: Path, folder: Path) -> AsyncIterator[dict[str, Any]]:
    yield {"ca_command": [str(program(folder / "signer", documented(ca)))]}


@asynccontextmanager
async def by_key_service(ca: Path, _: Path) -> AsyncIterator[dict[str, Any]]:
    with service(ca, lambda purpose: purpose == "jump") as url:
        yield {"key_service": url}


@contextmanager
def service(ca: Path, forwarding: Callable[[str], bool]) -> Iterator[str]:
    """A key service that permits port forwarding for some purposes."""

    def answer(body: dict[str, Any], _: Any) -> tuple[int, Any]:
        key = asyncssh.import_public_key(body["public_key"])
        return 200, {"certificate": signed(ca, body, key, tunnel=forwarding(body["purpose"]))}

    with key_service(answer) as url:
        yield url


@pytest.mark.parametrize("signer", [by_key, by_agent, by_program, by_key_service])
async def test_whoever_signs_a_jump_host_can_be_on_the_way(login_node, tmp_path: Path, signer: Signer) -> None:
    async with signer(login_node.cluster.user_ca, tmp_path) as options:
        transport = through(login_node, **options)
        assert await who(transport, login_node.alice) == login_node.alice.name
        probing = through(login_node, probe_account=login_node.cluster.service_account, **options)
        await probing.ping()


@pytest.mark.parametrize("signer", [by_key, by_agent, by_program])
async def test_only_the_certificate_for_the_way_forwards_and_only_ports(
    login_node, tmp_path: Path, signer: Signer
) -> None:
    async with signer(login_node.cluster.user_ca, tmp_path) as options:
        credentials = through(login_node, **options)._connector._credentials
        permitted = {}
        for purpose in Purpose:
            certificate = certificate_of(await credentials.sign_in(login_node.alice.name, purpose, ()))
            permitted[purpose] = {name for name in certificate.options if name.startswith("permit-")}
    assert permitted == {Purpose.LOGIN: set(), Purpose.JUMP: {"permit-port-forwarding"}}


NONE = r"on a jump host .* does not permit .*permit-port-forwarding.*operator must correct"
TOO_MUCH = r"on the login node .* permits forwarding \(permit-port-forwarding\).*operator must correct"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("-O clear", NONE),
        ("-O clear -O permit-port-forwarding", TOO_MUCH),
        ("-O clear -O permit-port-forwarding -O permit-agent-forwarding", r"on a jump host .*\(permit-agent-forw"),
        ("", r"on a jump host .*\(permit-X11-forwarding, permit-agent-forwarding\)"),
    ],
)
async def test_a_program_that_signs_one_kind_for_both_is_refused_in_words(
    login_node, tmp_path: Path, more: str, why: str
) -> None:
    text = SIGNER.format(ca=login_node.cluster.user_ca, principal='"$1"', validity='-1m:+"$2"s', more=more)
    transport = through(login_node, ca_command=[str(program(tmp_path / "signer", text))])
    with pytest.raises(Unavailable, match=why) as refused:
        await who(transport, login_node.alice)
    assert "SFAPI_PURPOSE" in str(refused.value)


@pytest.mark.parametrize(("always", "why"), [(False, NONE), (True, TOO_MUCH)])
async def test_a_key_service_that_signs_one_kind_for_both_is_refused_in_words(
    login_node, always: bool, why: str
) -> None:
    ca = login_node.cluster.user_ca
    with service(ca, lambda _: always) as url, pytest.raises(Unavailable, match=why) as refused:
        await who(through(login_node, key_service=url), login_node.alice)
    assert "`purpose`" in str(refused.value)


async def test_what_the_jump_host_does_not_reach_is_told(login_node) -> None:
    with reserved_port() as port:
        transport = through(login_node, ca_key=str(login_node.cluster.user_ca), port=port)
        with pytest.raises(Unavailable, match=r"through the jump host.*operator must.*AllowTcpForwarding"):
            await who(transport, login_node.alice)
