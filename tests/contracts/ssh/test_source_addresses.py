"""Where certificates are good from: this machine alone, unless the settings say otherwise; and how NAT is noticed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.ssh.signers import certificate_of

from superfacility.adapters.ssh.credentials import SignIn
from superfacility.cli.examination import Finding, examine
from superfacility.cli.init import init
from superfacility.core.clock import SystemClock
from superfacility.facility.commands import Command
from superfacility.facility.errors import NotPermitted
from superfacility.settings import FILE_NAME, load_settings

WHO = Command(("id", "-un"))
ELSEWHERE = "127.0.0.9"


async def who(transport, user) -> str:
    return (await transport.run(user, WHO)).stdout.decode().strip()


@pytest.fixture
async def behind_nat(login_node) -> AsyncIterator[dict[str, Any]]:
    """The options of a way on which another address is seen than the one that connections begin at."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def translate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cluster = login_node.cluster
        there = await asyncio.open_connection(cluster.ssh_host, cluster.ssh_port, local_addr=(ELSEWHERE, 0))
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    server = await asyncio.start_server(translate, "127.0.0.1", 0)
    host_ca = login_node.cluster.facts["ssh"]["host_ca"] + ".pub"
    yield {"port": server.sockets[0].getsockname()[1], "known_hosts": None, "host_ca": host_ca}
    await asyncio.gather(*(each.aclose() for each in login_node.opened))
    server.close()
    await server.wait_closed()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[SignIn]:
    """What has signed in, in the order of the machines on the way."""
    from superfacility.adapters.ssh.connecting import Connector

    sign_ins: list[SignIn] = []
    connect = Connector._connect

    async def watched(self: Connector, hop: Any, account: str, sign_in: SignIn, tunnel: Any) -> Any:
        sign_ins.append(sign_in)
        return await connect(self, hop, account, sign_in, tunnel)

    monkeypatch.setattr(Connector, "_connect", watched)
    return sign_ins


def good_from(sign_in: SignIn) -> list[Any]:
    return list(certificate_of(sign_in).options.get("source-address", []))


async def test_unless_it_is_set_it_is_this_machines_own_address(login_node, seen: list[SignIn]) -> None:
    assert await who(login_node.open(), login_node.alice) == login_node.alice.name
    assert good_from(seen[0]) == [ip_network("127.0.0.1")]


async def test_nothing_at_all_is_said_of_it_if_that_is_set(login_node, seen: list[SignIn]) -> None:
    assert await who(login_node.open(source_address=[]), login_node.alice) == login_node.alice.name
    assert good_from(seen[0]) == []


async def test_behind_a_jump_host_it_is_what_is_set(login_node, seen: list[SignIn]) -> None:
    jump = [f"{login_node.bob.name}@{login_node.cluster.ssh_host}:{login_node.cluster.ssh_port}"]
    assert await who(login_node.open(jump=jump), login_node.alice) == login_node.alice.name
    assert [good_from(each) for each in seen] == [[ip_network("127.0.0.1")], []]
    seen.clear()
    assert await who(login_node.open(jump=jump, source_address=["127.0.0.0/8"]), login_node.alice)
    assert [good_from(each) for each in seen] == [[ip_network("127.0.0.0/8")]] * 2


async def test_a_certificate_for_another_address_is_refused(login_node) -> None:
    with pytest.raises(NotPermitted, match=r"operator.*192\.0\.2\.0/24.*source_address"):
        await who(login_node.open(source_address=["192.0.2.0/24"]), login_node.alice)


async def test_behind_nat_people_and_probes_are_refused_in_words_until_it_is_set(
    login_node, behind_nat: dict[str, Any]
) -> None:
    words = r"sees this service at 127\.0\.0\.1: .*NAT.* belongs into source_address"
    with pytest.raises(NotPermitted, match=words):
        await who(login_node.open(**behind_nat), login_node.alice)
    probe = {**behind_nat, "probe_account": login_node.cluster.service_account}
    with pytest.raises(NotPermitted, match=words):
        await login_node.open(**probe).ping()
    await login_node.open(**probe, source_address=[ELSEWHERE]).ping()


def test_sfapi_check_tells_what_no_failure_tells(cluster, tmp_path: Path) -> None:
    init(tmp_path / "facility")
    file = tmp_path / "facility" / FILE_NAME

    def problems(more: str) -> list[Finding]:
        options = f'''
            [systems.bigiron]
            full_name = "Big Iron"
            transport.adapter = "ssh"
            transport.host = "{cluster.ssh_host}"
            transport.port = {cluster.ssh_port}
            transport.known_hosts = "{cluster.known_hosts}"
            transport.ca_key = "{cluster.user_ca}"
        '''
        changed = file.with_name("changed.toml")
        changed.write_text(file.read_text() + options + more)
        found = asyncio.run(examine(load_settings(changed), SystemClock()))
        return [each for each in found if each.area == "systems" and each.problem]

    assert problems("") == []
    jump = f'transport.jump = ["{cluster.ssh_host}:{cluster.ssh_port}"]\n'
    (told,) = problems(jump)
    assert told.subject == "bigiron: transport"
    assert (told.problem or "").startswith("bigiron: source_address is not set")
    assert problems(jump + 'transport.source_address = ["127.0.0.1"]') == []
