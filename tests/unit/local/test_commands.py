"""What a command sees, what it may leave behind, and how it ends."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import FileProblem, InvalidInput

Shell = Callable[..., Any]
META = list("$`\\\"';&|<>(){}[]*?!#~-= \t\n")


@pytest.fixture
def shell(local: Any) -> Shell:
    async def run(text: str, **named: Any) -> CommandResult:
        return await local.transport.run(local.user, Command(("bash", "-c", text), **named))

    return run


async def gone(pid: int) -> bool:
    """Whether a process ends before a deadline that is there against hanging only."""
    async with asyncio.timeout(30):
        while _running(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return True


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def told(path: Path) -> int:
    async with asyncio.timeout(30):
        while not path.exists() or not path.read_text().strip():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)
    return int(path.read_text())  # noqa: ASYNC240


@pytest.mark.parametrize("login", [False, True])
async def test_nothing_of_the_server_s_environment_is_seen(
    local: Any, shell: Shell, login: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = local.base / "trap.sh"
    trap.write_text(f"touch {local.base}/canary")
    for name, value in {
        "SUPERFACILITY_SECRET": "s",
        "BASH_ENV": str(trap),
        "ENV": str(trap),
        "LD_PRELOAD": "/nowhere.so",
        "SBATCH_ACCOUNT": "x",
        "PYTHONPATH": "/x",
        "XDG_RUNTIME_DIR": "/run/x",
        "BASH_FUNC_echo%%": "() { touch canary; }",
    }.items():
        monkeypatch.setenv(name, value)
    done = await shell("env; pwd", login=login)
    seen = dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line)
    assert seen.keys() - {"_", "PWD", "SHLVL", "OLDPWD"} == {
        "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "TERM",
    }, done  # fmt: skip
    assert (seen["HOME"], seen["USER"], done.stdout.decode().splitlines()[-1]) == (
        str(local.home),
        "demo1",
        str(local.home),
    )
    assert done.stderr == b""
    assert not (local.base / "canary").exists()


async def test_a_login_reads_start_up_files_and_keeps_their_noise_to_itself(local: Any, shell: Shell) -> None:
    (local.home / ".bash_profile").write_text("echo WELCOME; echo oops >&2; export MARK=set; PATH=/usr/bin:/bin\n")
    done = await shell('echo "$MARK ${PATH%%:*}"; echo problem >&2', login=True)
    assert done.stdout.decode() == f"set {local.base}/bin\n"
    assert done.stderr == b"problem\n"


async def test_the_arguments_of_a_login_are_not_read_by_a_shell(local: Any) -> None:
    hostile = ("$(touch canary)", "`touch canary`", "; touch canary", "-n", "a  b", "*", "'", '"', "\\", "\n", "")
    done = await local.transport.run(local.user, Command(("printf", "%s|", *hostile), login=True))
    assert done.stdout.decode() == "|".join(hostile) + "|"
    assert list(local.home.iterdir()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(texts=st.lists(st.text(st.one_of(st.sampled_from(META), st.characters()), min_size=1), min_size=1))
async def test_no_argument_is_ever_read_by_a_shell(local: Any, texts: list[str]) -> None:
    arguments = [os.fsdecode(os.fsencode(text.replace("\0", ""))) for text in texts if _sendable(text)]
    for login in (False, True):
        done = await local.transport.run(local.user, Command(("printf", "%s\n", "", *arguments), login=login))
        assert done.stdout == b"\n" + b"".join(os.fsencode(each) + b"\n" for each in arguments)
    assert list(local.home.iterdir()) == []


def _sendable(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


async def test_programs_of_the_site_come_first(local: Any) -> None:
    program = local.base / "bin" / "squeue"
    program.write_text("#!/bin/sh\necho ours\n")
    program.chmod(0o755)
    for login in (False, True):
        assert (await local.transport.run(local.user, Command(("squeue",), login=login))).stdout == b"ours\n"


async def test_a_new_person_s_home_is_made_at_the_first_command(local: Any, shell: Shell) -> None:
    local.home.rmdir()
    assert (await shell("pwd")).stdout.decode() == f"{local.home}\n"
    with pytest.raises(FileProblem, match="No such file or directory"):
        await shell("pwd", directory=str(local.home / "nowhere"))


async def test_signals_are_told_as_a_shell_tells_them(shell: Shell) -> None:
    assert (await shell("kill -KILL $$")).exit_code == 137
    assert (await shell("exit 42")).exit_code == 42


async def test_what_cannot_be_started_says_why(local: Any) -> None:
    (local.home / "data").write_text("no program")
    (local.home / "data").chmod(0o755)
    done = await local.transport.run(local.user, Command((str(local.home / "data"),)))
    assert done.exit_code == 126
    with pytest.raises(InvalidInput):
        await local.transport.run(local.user, Command(()))
    with pytest.raises(InvalidInput):
        await local.transport.run(local.user, Command(("echo", "a\0b")))


async def test_a_child_in_the_background_does_not_keep_us_waiting(shell: Shell) -> None:
    async with asyncio.timeout(30):
        done = await shell("sleep 300 & echo $!")
    os.kill(int(done.stdout), 9)
    assert done.exit_code == 0


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
async def test_the_time_limit_ends_grandchildren_too(local: Any, shell: Shell, trap: str) -> None:
    for limit in (0.5, 2, 8, 20):  # more where a busy machine ended it before it had begun
        done = await shell(f"{trap}(sleep 300 & echo $! > pid; wait) & wait", time_limit=limit)
        assert done.timed_out
        if (local.home / "pid").exists():
            break
    assert await gone(await told(local.home / "pid"))


async def test_cancelling_ends_the_whole_group(local: Any, shell: Shell) -> None:
    running = asyncio.create_task(shell("trap '' TERM; (sleep 300 & echo $! > pid; wait) & wait; wait"))
    pid = await told(local.home / "pid")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await gone(pid)


async def test_output_arrives_while_the_command_runs(local: Any) -> None:
    first = asyncio.Event()
    text = "echo first; until test -e go; do sleep 0.05; done; echo second"
    running = asyncio.create_task(
        local.transport.run(local.user, Command(("bash", "-c", text)), lambda stream, data: first.set())
    )
    async with asyncio.timeout(30):
        await first.wait()
        (local.home / "go").touch()
        assert (await running).stdout == b"first\nsecond\n"


async def test_a_flood_is_cut_and_the_loop_stays_free(local: Any) -> None:
    done = await local.transport.run(local.user, Command(("yes",), output_limit=1000, time_limit=2))
    assert (len(done.stdout), done.truncated, done.timed_out) == (1000, True, True)


async def test_no_descriptor_is_left_open(local: Any, shell: Shell) -> None:
    await shell("true")
    before = len(list(Path("/proc/self/fd").iterdir()))  # noqa: ASYNC240
    for _ in range(5):
        await shell("cat; echo x >&2", stdin=b"input")
        await local.transport.run(local.user, Command(("no-such-program",)))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before  # noqa: ASYNC240
