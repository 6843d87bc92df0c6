"""Commands on a real login node: nothing of a text is ever a program, nothing of a command is ever left behind."""

import asyncio
import json
import sys
from uuid import uuid4

import pytest

from superfacility.facility.commands import Command
from superfacility.facility.errors import Doubtful, FileProblem, InvalidInput, NotPermitted
from superfacility.facility.people import User, UserName

HOSTILE_WORDS = (
    "; touch {canary}", "$(touch {canary})", "`touch {canary}`", "| touch {canary}", "&& touch {canary}",
    "\ntouch {canary}\n", "'; touch {canary}; '", '"; touch {canary}; "', "\\'; touch {canary}; \\'", "> {canary}",
    "--help", "-rf", "!!", "!touch", "~root", "$HOME", "${{IFS}}touch", "*", "%s%n", "\x1e\x1e", "\r\n", "E", "stop",
    "\udcff\udc81\udc88", "\u00e9\u65e5", "a" * 20_000, "",
)  # fmt: skip


async def test_arguments_arrive_as_they_are_and_run_nothing(login_node, folder_of) -> None:
    transport, folder = login_node.open(), folder_of("alice")
    words = [word.format(canary=folder / "canary") for word in HOSTILE_WORDS]
    for word in [*words, "".join(words)]:
        done = await transport.run(login_node.alice, Command(("printf", "%s\\0", word, "end")))
        assert done.stdout == word.encode(errors="surrogateescape") + b"\0end\0"
        done = await transport.run(login_node.alice, Command(("printf", "%s\\0", word, "end"), login=True))
        assert done.stdout == word.encode(errors="surrogateescape") + b"\0end\0"
        environment = {"WORD": word}
        done = await transport.run(login_node.alice, Command(("printenv", "WORD"), environment=environment))
        assert done.stdout == word.encode(errors="surrogateescape") + b"\n"
    assert list(folder.iterdir()) == []


async def test_standard_input_arrives_byte_for_byte(login_node) -> None:
    transport = login_node.open()
    for data in (b"E\n", b"E", bytes(range(256)) * 300, b"\nstop\n"):
        done = await transport.run(login_node.alice, Command(("cat",), stdin=data))
        assert done.stdout == data


@pytest.mark.parametrize("name", ["A B", "1A", "A=B", "", "A;id", "A\n", "$(id)", "-i"])
async def test_no_other_name_can_be_a_variable(login_node, name: str) -> None:
    with pytest.raises(InvalidInput):
        await login_node.open().run(login_node.alice, Command(("true",), environment={name: "x"}))


@pytest.mark.parametrize("arguments", [(), ("",), ("-i",), ("A=B", "id"), ("echo", "\0"), ("echo", "\ud800")])
async def test_what_cannot_be_a_command_is_refused(login_node, arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        await login_node.open().run(login_node.alice, Command(arguments))


@pytest.mark.parametrize(
    "name", ["alice bob", "../alice", "-oProxyCommand", "alice;id", "", "root", "$(id)", "alice\n"]
)
async def test_what_cannot_be_an_account_is_refused(login_node, name: str) -> None:
    with pytest.raises(NotPermitted):
        await login_node.open().run(User(uid=1, name=UserName(name)), Command(("id",)))


async def test_two_people_are_themselves(login_node, folder_of) -> None:
    transport, folder = login_node.open(), folder_of("alice")
    users = (login_node.alice, login_node.bob)
    names = [(await transport.run(user, Command(("id", "-un")))).stdout.decode().strip() for user in users]
    assert names == [user.name for user in users]
    done = await transport.run(login_node.bob, Command(("ls", str(folder))))
    assert b"Permission denied" in done.stderr
    with pytest.raises(FileProblem, match="Permission denied"):
        await transport.listing(login_node.bob, str(folder))


async def test_a_clean_command_sees_nothing_of_the_start_up_files(login_node, start_file) -> None:
    start_file(
        ".bashrc",
        "echo noise; echo noise >&2; export SQUEUE_FORMAT=x LD_LIBRARY_PATH=/x; PATH=/nowhere; alias true=false\n"
        "true() { false; }; export -f true; printf '\\036'\n",
    )
    transport = login_node.open(environment={"SLURM_CONF": "/etc/x"})
    done = await transport.run(login_node.carol, Command(("env",)))
    assert (done.exit_code, done.stderr) == (0, b"")
    seen = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    home = str(login_node.home(login_node.carol))
    assert {"SQUEUE_FORMAT", "LD_LIBRARY_PATH", "SSH_CLIENT"}.isdisjoint(seen)
    assert (seen["HOME"], seen["PWD"], seen["SLURM_CONF"]) == (home, home, "/etc/x")
    assert (await transport.run(login_node.carol, Command(("true",)))).exit_code == 0


async def test_a_login_command_has_the_start_up_files_and_their_noise_is_not_its_output(login_node, start_file) -> None:
    start_file(".bashrc", "echo noise; echo noise >&2\n")
    start_file(".bash_profile", "echo noise; echo noise >&2; export OF_THE_LOGIN=yes\n")
    done = await login_node.open().run(
        login_node.carol, Command(("bash", "-c", "echo $OF_THE_LOGIN; echo err >&2; exit 3"), login=True)
    )
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"yes\n", b"err\n")


async def test_start_up_files_are_paid_once_a_connection(login_node, start_file) -> None:
    counted = login_node.home(login_node.carol) / f"counted-{uuid4().hex}"
    start_file(".bashrc", f"echo >> {counted}\n")
    transport = login_node.open()
    for _ in range(10):
        await transport.run(login_node.carol, Command(("true",)))
    assert counted.read_text() == "\n"
    counted.unlink()


async def test_a_shell_that_ends_at_once_says_why(login_node, start_file) -> None:
    start_file(".bashrc", "echo 'the quota of your home is exceeded'; exit 1\n")
    with pytest.raises(Exception, match="quota of your home"):
        await login_node.open().run(login_node.carol, Command(("true",)))


SURVIVOR = 'trap "" TERM; sh -c \'trap "" TERM; sleep 1000 & sleep 1001\' {token} & sleep 1002'


@pytest.mark.parametrize("login", [False, True])
async def test_the_time_limit_ends_the_whole_group(login_node, token, is_running, eventually, login: bool) -> None:
    command = Command(("sh", "-c", SURVIVOR.format(token=token), token), time_limit=0.5, login=login)
    done = await login_node.open().run(login_node.alice, command)
    assert (done.timed_out, done.exit_code) == (True, 137)
    await eventually(lambda: not is_running(token))  # the kernel takes what was killed away in its own time


async def test_a_cancelled_caller_ends_the_whole_group(login_node, token, is_running, eventually) -> None:
    command = Command(("sh", "-c", SURVIVOR.format(token=token), token))
    calling = asyncio.create_task(login_node.open().run(login_node.alice, command))
    await eventually(lambda: is_running(token))
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await eventually(lambda: not is_running(token))  # the kernel takes what was killed away in its own time


async def test_a_caller_cancelled_at_any_moment_leaves_nothing(login_node, token, is_running, eventually) -> None:
    transport = login_node.open()
    for moment in range(40):
        calling = asyncio.create_task(transport.run(login_node.alice, Command(("sh", "-c", "sleep 1000; exit", token))))
        await asyncio.sleep(moment / 10_000)
        calling.cancel()
        async with asyncio.timeout(60):
            await asyncio.gather(calling, return_exceptions=True)
    await eventually(lambda: not is_running(token))


async def test_a_lost_connection_is_a_doubt_and_ends_the_whole_group(login_node, token, is_running, eventually) -> None:
    transport = login_node.open()
    calling = asyncio.create_task(
        transport.run(login_node.alice, Command(("sh", "-c", SURVIVOR.format(token=token), token)))
    )
    await eventually(lambda: is_running(token))
    transport.pool.connections[0]._ssh.abort()
    with pytest.raises(Doubtful, match="may have done its work"):
        await calling
    await eventually(lambda: not is_running(token))
    assert (await transport.run(login_node.alice, Command(("true",)))).exit_code == 0


GATEWAY = """
import asyncio, json, sys
from pathlib import Path
from superfacility.adapters.ssh import open_transport
from superfacility.facility.commands import Command
from superfacility.facility.people import User, UserName
from superfacility.facility.site import Site
options, name, token = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3][::-1]
transport = open_transport(Site("x", str, (), Path("/x"), Path("/x")), options)
asyncio.run(transport.run(User(1, UserName(name)), Command(("sh", "-c", "sleep 1000; exit", token))))
"""


async def test_a_killed_gateway_leaves_nothing_running(login_node, token, is_running, eventually) -> None:
    arguments = [json.dumps(login_node.options()), login_node.alice.name, token[::-1]]
    gateway = await asyncio.create_subprocess_exec(sys.executable, "-c", GATEWAY, *arguments)
    try:
        await eventually(lambda: is_running(token))
    finally:
        gateway.kill()
        await gateway.wait()
    await eventually(lambda: not is_running(token))


async def test_what_a_login_command_starts_in_the_background_may_stay(
    login_node, token, is_running, eventually
) -> None:
    gate = login_node.home(login_node.alice) / f"gate-{uuid4().hex}"
    script = f"sh -c 'until test -e {gate}; do sleep 0.1; done; exit' {token} >/dev/null 2>&1 & echo started"
    done = await login_node.open().run(login_node.alice, Command(("bash", "-c", script), login=True))
    assert (done.stdout, is_running(token)) == (b"started\n", True)
    gate.touch()
    await eventually(lambda: not is_running(token))
    gate.unlink()


async def test_a_flood_of_output_is_neither_kept_nor_in_the_way(login_node) -> None:
    transport = login_node.open()
    flood = asyncio.create_task(transport.run(login_node.alice, Command(("yes",), time_limit=1, output_limit=1000)))
    assert (await transport.run(login_node.alice, Command(("echo", "me too")))).stdout == b"me too\n"
    done = await flood
    assert (len(done.stdout), done.truncated, done.timed_out) == (1000, True, True)


async def test_a_folder_that_cannot_be_entered_is_a_problem_of_the_path(login_node) -> None:
    with pytest.raises(FileProblem, match=r"^bash: cd: '/nothing': No such file or directory$"):
        await login_node.open().run(login_node.alice, Command(("true",), directory="/nothing"))
    with pytest.raises(FileProblem, match=r"^bash: cd: '/root': Permission denied$"):
        await login_node.open().run(login_node.alice, Command(("true",), directory="/root"))
