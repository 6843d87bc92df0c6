"""The little program itself, in every shell of this machine that can be a /bin/sh."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from superfacility.adapters.ssh import shell
from superfacility.adapters.ssh.output import MarkedStream
from superfacility.facility.commands import Command

MARK = "feedfacefeedface"
SHELLS = [name for name in ("dash", "bash", "ksh", "mksh", "busybox") if shutil.which(name)]


class Talk:
    """A running program and what it says."""

    def __init__(self, name: str) -> None:
        start = [name, "sh"] if name == "busybox" else [name, *(["--posix"] if name == "bash" else [])]
        self.process = subprocess.Popen(
            start, stdin=-1, stdout=-1, stderr=-1, env={"SHELL": "/bin/bash"}, start_new_session=True
        )

    def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def answer(self) -> tuple[bytes, bytes, bytes]:
        said = []
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            stream = MarkedStream(MARK, 10**7, None)
            while stream.code is None:
                data = os.read(pipe.fileno(), 65_536)
                assert data, stream.bytes
                stream.feed(data)
            said.append(stream)
        return said[0].code or b"", said[0].bytes, said[1].bytes

    def run(self, *arguments: str, **more: object) -> tuple[bytes, bytes, bytes]:
        self.send(shell.request(Command(arguments, **more), MARK))  # type: ignore[arg-type]
        return self.answer()


@pytest.fixture(params=SHELLS)
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    talk = Talk(request.param)
    talk.send(b"echo noise; echo noise >&2\n" + shell.program(MARK, "root", "/usr/bin:/bin", {"FIXED": "it's"}))
    talk.answer()
    yield talk
    assert talk.process.stdin is not None
    talk.process.stdin.close()
    assert talk.process.wait(timeout=30) == 0
    for pipe in (talk.process.stdout, talk.process.stderr):
        assert pipe is not None
        pipe.close()


def test_it_runs_one_command_after_the_other(talk: Talk) -> None:
    assert talk.run("sh", "-c", "echo out; echo err >&2; exit 3", directory="/") == (b"3", b"out\n", b"err\n")
    assert talk.run("cat", stdin=b"\x00\xff E\nE\n", directory="/") == (b"0", b"\x00\xff E\nE\n", b"")
    assert talk.run("sh", "-c", "kill -9 $$", directory="/") == (b"137", b"", b"")
    assert talk.run("printenv", "FIXED", directory="/") == (b"0", b"it's\n", b"")
    assert talk.run("printenv", "A", environment={"A": "1\n2"}, directory="/") == (b"0", b"1\n2\n", b"")
    assert talk.run("nothing-here", directory="/")[::2] == (b"127", b"sh: nothing-here: command not found\n")
    assert talk.run("pwd", directory="/nothing") == (shell.NO_FOLDER, b"", b"")
    assert talk.run("pwd", directory="/usr") == (b"0", b"/usr\n", b"")


def test_every_byte_of_an_argument_arrives(talk: Talk) -> None:
    for text in (bytes(range(1, 256)), bytes(range(1, 256)) * 40):
        assert talk.run("printf", "%s", os.fsdecode(text), directory="/") == (b"0", text, b"")


def test_a_line_ends_the_command_that_runs(talk: Talk) -> None:
    talk.send(shell.request(Command(("sh", "-c", "sleep 1000 & sleep 1000"), directory="/"), MARK))
    talk.send(shell.STOP)
    assert talk.answer()[0] in (b"143", b"137")  # KILL follows at once while it is not a leader yet


def test_it_leaves_nothing_of_a_clean_command_running(talk: Talk) -> None:
    _, out, _ = talk.run("sh", "-c", "sleep 1000 >/dev/null & echo $!", directory="/")
    status = Path(f"/proc/{int(out)}/status")
    deadline = time.monotonic() + 30
    while status.exists() and "zombie" not in status.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
