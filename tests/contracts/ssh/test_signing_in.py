"""Who may sign in as whom, with what, and to which machine."""

from pathlib import Path
from typing import Any

import asyncssh
import pytest
from tests.contracts.ssh.signers import SIGNER, agent_of, certificate_of, key_service, keygen, program, signed

from superfacility.adapters.ssh.credentials import Purpose
from superfacility.facility.commands import Command
from superfacility.facility.errors import InvalidInput, NotPermitted, Unavailable

WHO = Command(("id", "-un"))


async def who(transport, user) -> str:
    return (await transport.run(user, WHO)).stdout.decode().strip()


async def test_the_certificate_allows_commands_of_one_user_for_minutes_and_nothing_else(login_node) -> None:
    transport = login_node.open(certificate_minutes=15, source_address=["127.0.0.0/8"])
    credentials = transport._connector._credentials
    certificate = certificate_of(await credentials.sign_in(login_node.alice.name, Purpose.LOGIN, ("127.0.0.0/8",)))
    assert certificate.principals == [login_node.alice.name]
    assert certificate._valid_before - certificate._valid_after <= 15 * 60
    assert set(certificate.options) <= {"source-address", "no-touch-required"}
    assert await who(transport, login_node.alice) == login_node.alice.name


async def test_the_machine_forwards_nothing_for_us_and_gives_no_terminal(login_node) -> None:
    transport = login_node.open()
    await who(transport, login_node.alice)
    ssh = transport.pool.connections[0]._ssh
    with pytest.raises(asyncssh.ChannelOpenError):
        await ssh.open_connection(login_node.cluster.ssh_host, login_node.cluster.ssh_port)
    with pytest.raises(asyncssh.ChannelListenError):
        await ssh.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
    with pytest.raises(asyncssh.ChannelOpenError):
        await ssh.create_process("true", term_type="vt100")
    done = await transport.run(login_node.alice, Command(("printenv", "SSH_AUTH_SOCK"), login=True))
    assert done.stdout == b""


async def test_a_strange_ca_is_refused_in_words_and_not_asked_again_at_once(
    login_node, tmp_path: Path, monkeypatch
) -> None:
    transport = login_node.open(ca_key=str(keygen(tmp_path / "ca")))
    with pytest.raises(NotPermitted, match="TrustedUserCAKeys"):
        await who(transport, login_node.alice)
    monkeypatch.setattr(transport.pool, "_attempt", None)
    with pytest.raises(NotPermitted, match="TrustedUserCAKeys"):
        await who(transport, login_node.alice)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_ca_key_that_others_can_read_is_refused(login_node, tmp_path: Path, mode: int) -> None:
    keygen(tmp_path / "ca").chmod(mode)
    with pytest.raises(InvalidInput, match="chmod 600"):
        login_node.open(ca_key=str(tmp_path / "ca"))


async def test_a_changed_host_key_is_refused_in_words(login_node, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    other = keygen(tmp_path / "other").with_suffix(".pub").read_text()
    known.write_text(f"[{login_node.cluster.ssh_host}]:{login_node.cluster.ssh_port} {other}")
    transport = login_node.open(known_hosts=str(known))
    with pytest.raises(Unavailable, match=r"(?s)another host key.*operator must ask"):
        await who(transport, login_node.alice)
    probing = login_node.open(known_hosts=str(known), probe_account=login_node.alice.name)
    with pytest.raises(Unavailable, match="another host key"):
        await probing.ping()


async def test_the_host_ca_alone_is_enough(login_node) -> None:
    host_ca = login_node.cluster.facts["ssh"]["host_ca"] + ".pub"
    transport = login_node.open(known_hosts=None, host_ca=host_ca)
    assert await who(transport, login_node.alice) == login_node.alice.name


async def test_another_host_ca_is_refused(login_node, tmp_path: Path) -> None:
    other = keygen(tmp_path / "other").with_suffix(".pub")
    with pytest.raises(Unavailable, match="another host key"):
        await who(login_node.open(known_hosts=None, host_ca=str(other)), login_node.alice)


async def test_a_program_of_the_site_signs(login_node, tmp_path: Path) -> None:
    text = SIGNER.format(ca=login_node.cluster.user_ca, principal='"$1"', validity='-1m:+"$2"s', more="-O clear")
    transport = login_node.open(ca_key=None, ca_command=[str(program(tmp_path / "signer", text))])
    assert [await who(transport, user) for user in (login_node.alice, login_node.bob)] == [
        login_node.alice.name,
        login_node.bob.name,
    ]


@pytest.mark.parametrize(
    ("principal", "validity", "more", "why"),
    [
        ('"$1"', "-1m:+16m", "-O clear", "more than 15 minutes"),
        ('"$1"', "-1m:forever", "-O clear", "more than 15 minutes"),
        ('"$1",root', "-1m:+5m", "-O clear", "alone"),
        ("root", "-1m:+5m", "-O clear", "alone"),
        ('"$1"', "-10m:-5m", "-O clear", "expired"),
        ('"$1"', "-1m:+5m", "", "forwarding"),
        ('"$1"', "-1m:+5m", "-h", "not a user certificate"),
    ],
)
async def test_a_certificate_that_may_too_much_is_not_used_whoever_signed_it(
    login_node, tmp_path: Path, principal: str, validity: str, more: str, why: str
) -> None:
    text = SIGNER.format(ca=login_node.cluster.user_ca, principal=principal, validity=validity, more=more)
    transport = login_node.open(ca_key=None, ca_command=[str(program(tmp_path / "signer", text))])
    with pytest.raises(Unavailable, match=why):
        await who(transport, login_node.alice)


@pytest.mark.parametrize("text", ["#!/bin/sh\necho no; exit 3\n", "#!/bin/sh\necho x\n", "#!/bin/sh\ncat\n", None])
async def test_a_signer_that_fails_is_told_of(login_node, tmp_path: Path, text: str | None) -> None:
    signer = tmp_path / "signer" if text is None else program(tmp_path / "signer", text)
    transport = login_node.open(ca_key=None, ca_command=[str(signer)])
    for _ in range(5):
        with pytest.raises(Unavailable, match="operator must"):
            await who(transport, login_node.alice)


async def test_an_agent_signs(login_node, tmp_path: Path) -> None:
    async with agent_of(login_node.cluster.user_ca, tmp_path / "agent") as options:
        transport = login_node.open(ca_key=None, source_address=["127.0.0.1/32"], **options)
        assert await who(transport, login_node.alice) == login_node.alice.name


@pytest.mark.parametrize("own_key", [False, True])
async def test_a_key_service_gives_certificates(login_node, tmp_path: Path, own_key: bool) -> None:
    token = tmp_path / "token"
    token.write_text("secret-of-ours\n")
    token.chmod(0o600)
    ca = login_node.cluster.user_ca

    def answer(body: dict[str, Any], headers: Any) -> tuple[int, Any]:
        if headers["Authorization"] != "Bearer secret-of-ours":
            return 401, {}
        if not own_key:
            return 200, {"certificate": signed(ca, body, asyncssh.import_public_key(body["public_key"]))}
        key = asyncssh.generate_private_key("ssh-ed25519")
        return 200, {"private_key": key.export_private_key().decode(), "certificate": signed(ca, body, key)}

    with key_service(answer) as url:
        transport = login_node.open(ca_key=None, key_service=url, key_service_token=str(token))
        assert await who(transport, login_node.alice) == login_node.alice.name


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (404, {}, NotPermitted), (500, {}, Unavailable), (200, b"not json", Unavailable), (200, [], Unavailable),
        (200, {"certificate": "x"}, Unavailable), (200, {"private_key": "x"}, Unavailable),
    ],
)  # fmt: skip
async def test_a_key_service_that_fails_is_told_of(login_node, status: int, said: Any, error: type[Exception]) -> None:
    with key_service(lambda *_: (status, said)) as url, pytest.raises(error, match=r"key service|certificate"):
        await who(login_node.open(ca_key=None, key_service=url), login_node.alice)


async def test_a_static_key_serves_one_person(login_node, tmp_path: Path) -> None:
    key = keygen(tmp_path / "key")
    let_in = login_node.cluster.authorized_keys / login_node.alice.name
    let_in.write_text(key.with_suffix(".pub").read_text())
    try:
        transport = login_node.open(ca_key=None, user_keys=str(tmp_path / "key"))
        assert await who(transport, login_node.alice) == login_node.alice.name
        transport = login_node.open(ca_key=None, user_keys=str(tmp_path / "{user}"))
        with pytest.raises(NotPermitted, match="no key to act as"):
            await who(transport, login_node.alice)
    finally:
        let_in.unlink()


async def test_a_probe_signs_in_where_it_has_an_account(login_node) -> None:
    transport = login_node.open(probe_account=login_node.cluster.service_account)
    await transport.ping()
    assert [each.account for each in transport.pool.connections] == [login_node.cluster.service_account]


async def test_a_user_without_an_account_is_not_let_in(login_node) -> None:
    stranger = login_node.alice.__class__(uid=1, name="nobody-here")
    with pytest.raises(NotPermitted, match="account exists"):
        await who(login_node.open(), stranger)
