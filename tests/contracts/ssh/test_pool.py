"""Connections: shared, capped, left in time, and never a burden on others (R10)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

import asyncssh
import pytest

from superfacility.core.clock import SystemClock
from superfacility.facility.commands import Command
from superfacility.facility.errors import Unavailable

TRUE = Command(("true",))


class SkippingClock(SystemClock):
    """The machine's clocks, the monotonic one ahead by `ahead` seconds."""

    ahead = 0.0

    def now(self) -> datetime:
        return super().now()

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@dataclass
class BlackHole:
    port: int
    held: list[asyncio.StreamWriter]


@pytest.fixture
async def black_hole() -> AsyncIterator[BlackHole]:
    """It takes connections and never says a word."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    yield BlackHole(server.sockets[0].getsockname()[1], held)
    for writer in held:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_one_connection_serves_many_commands_and_files_at_once(login_node) -> None:
    transport = login_node.open()
    home = str(login_node.home(login_node.alice))
    await asyncio.gather(
        *(transport.run(login_node.alice, TRUE) for _ in range(3)),
        *(transport.stat(login_node.alice, home) for _ in range(2)),
        transport.listing(login_node.alice, home),
    )
    assert len(transport.pool.connections) == 1


async def test_a_burst_stays_within_the_limits_and_is_served(login_node) -> None:
    transport = login_node.open(connections_per_user=2, channels_per_connection=4)
    commands = [Command(("echo", str(number)), login=number % 10 == 0) for number in range(60)]
    results = await asyncio.gather(*(transport.run(login_node.alice, command) for command in commands))
    assert [result.stdout for result in results] == [f"{number}\n".encode() for number in range(60)]
    assert len(transport.pool.connections) == 2


async def test_a_greedy_user_waits_for_themselves_and_nobody_else_does(login_node) -> None:
    transport = login_node.open(connections_per_user=1, channels_per_connection=3)
    for user in (login_node.alice, login_node.bob):
        await transport.run(user, TRUE)
    transport.pool._options = replace(transport.pool._options, connect_timeout=1)  # who waits now, waits for a place
    greedy = [asyncio.create_task(transport.run(login_node.alice, Command(("sleep", "60")))) for _ in range(2)]
    await asyncio.sleep(0)
    more = [asyncio.create_task(transport.run(login_node.alice, TRUE)) for _ in range(20)]
    assert (await transport.run(login_node.bob, Command(("echo", "hello")))).stdout == b"hello\n"
    for result in await asyncio.gather(*more, return_exceptions=True):
        assert isinstance(result, Unavailable)
        assert "channels of yours" in str(result)
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)
    assert (await transport.run(login_node.alice, TRUE)).exit_code == 0


async def test_the_cap_closes_what_is_idle_and_refuses_in_words_when_all_are_at_work(login_node) -> None:
    transport = login_node.open(connections=1)
    await transport.run(login_node.alice, TRUE)
    await transport.run(login_node.bob, TRUE)
    assert [connection.account for connection in transport.pool.connections] == [login_node.bob.name]
    busy = asyncio.create_task(transport.run(login_node.bob, Command(("sleep", "60"))))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="All 1 connections"):
        await transport.run(login_node.alice, TRUE)
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)


async def test_nothing_new_goes_to_a_connection_older_than_its_certificate(login_node, eventually) -> None:
    clock = SkippingClock()
    transport = login_node.open(clock, certificate_minutes=5)
    gate = login_node.home(login_node.alice) / f"gate-{uuid4().hex}"
    script = f"until test -e {gate}; do sleep 0.1; done; echo done"
    running = asyncio.create_task(transport.run(login_node.alice, Command(("sh", "-c", script))))
    await eventually(lambda: any(each.busy for each in transport.pool.connections))
    (old,) = transport.pool.connections
    clock.ahead = 5 * 60 - 35
    assert (await transport.run(login_node.alice, TRUE)).exit_code == 0
    young = next(each for each in transport.pool.connections if each is not old)
    assert (old.alive, old.busy, young.fresh) == (True, 1, True)
    gate.touch()
    assert (await running).stdout == b"done\n"
    gate.unlink()
    transport.pool.sweep()
    await eventually(lambda: not old.alive)
    assert transport.pool.connections == [young]


async def test_idle_connections_are_closed(login_node, eventually) -> None:
    clock = SkippingClock()
    transport = login_node.open(clock, idle_seconds=60)
    await transport.run(login_node.alice, TRUE)
    (connection,) = transport.pool.connections
    transport.pool.sweep()
    assert transport.pool.connections == [connection]
    clock.ahead = 61
    transport.pool.sweep()
    assert transport.pool.connections == []
    await eventually(lambda: not connection.alive)


async def test_a_connection_that_the_machine_closed_is_replaced(login_node, eventually) -> None:
    transport = login_node.open()
    await transport.run(login_node.alice, TRUE)
    (connection,) = transport.pool.connections
    connection._ssh.abort()
    await eventually(lambda: not connection.alive)
    assert (await transport.run(login_node.alice, TRUE)).exit_code == 0
    assert (await transport.stat(login_node.alice, "/")).path == "/"


async def test_a_black_hole_is_told_of_at_once_after_some_attempts(login_node, black_hole: BlackHole) -> None:
    transport = login_node.open(host="127.0.0.1", port=black_hole.port, connect_timeout=0.3)
    lost = await asyncio.gather(*(transport.run(login_node.alice, TRUE) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in lost)
    tried = len(black_hole.held)
    assert 0 < tried <= 10
    for user in (login_node.alice, login_node.bob):
        with pytest.raises(Unavailable, match="does not answer") as refused:
            await transport.listing(user, "/")
        assert refused.value.retry_after <= 60
    assert len(black_hole.held) == tried, "nobody tries again so soon"


async def test_a_black_hole_is_in_nobody_elses_way(login_node, black_hole: BlackHole) -> None:
    transport = login_node.open(host="127.0.0.1", port=black_hole.port, connect_timeout=100)
    other = login_node.open()
    lost = [asyncio.create_task(transport.run(login_node.alice, TRUE)) for _ in range(50)]
    async with asyncio.timeout(50):
        for _ in range(20):
            await other.run(login_node.alice, TRUE)
    assert not any(each.done() for each in lost)
    for each in lost:
        each.cancel()
    await asyncio.gather(*lost, return_exceptions=True)


async def test_the_breaker_lets_one_probe_pass_and_the_others_know_at_once(login_node, black_hole: BlackHole) -> None:
    clock = SkippingClock()
    transport = login_node.open(clock, connect_timeout=100, port=black_hole.port)
    for _ in range(3):
        transport.pool.breaker.failed("no answer")
    clock.ahead = 100
    probe = asyncio.create_task(transport.run(login_node.alice, TRUE))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="asked again"):
        await transport.run(login_node.bob, TRUE)
    assert not probe.done()
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)


async def test_a_closed_port_is_told_of(login_node, unused_port: int) -> None:
    transport = login_node.open(port=unused_port)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await transport.run(login_node.alice, TRUE)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await transport.ping()


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return int(port)


async def test_another_machine_can_be_on_the_way(login_node, jump_host: int) -> None:
    jump = f"{login_node.bob.name}@127.0.0.1:{jump_host}"
    transport = login_node.open(
        known_hosts=None, host_ca=login_node.cluster.facts["ssh"]["host_ca"] + ".pub", jump=[jump]
    )
    assert (await transport.run(login_node.alice, Command(("id", "-un")))).stdout.decode().strip() == (
        login_node.alice.name
    )
    await transport.ping()


@pytest.fixture
async def jump_host(login_node) -> AsyncIterator[int]:
    """A machine that lets the gateway through, and nothing else."""
    folder = login_node.cluster.user_ca.parent
    seen: list[str] = []

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            seen.append(username)
            return True

        def connection_requested(self, *_: object) -> bool:
            return True

    authorized = asyncssh.import_authorized_keys(f"cert-authority {(folder / 'user_ca.pub').read_text()}")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[(str(folder / "host_key"), str(folder / "host_key-cert.pub"))],
        authorized_client_keys=authorized,
    )
    yield server.get_port()
    server.close()
    await server.wait_closed()
    assert login_node.bob.name in seen
