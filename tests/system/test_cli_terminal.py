"""Commands at a terminal: colours, progress, Ctrl-C; and completion in the shells that are there."""

import fcntl
import hashlib
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.debian import require_programs

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0
MAIN = """
from superfacility.cli.main import main
main()
"""
LONG_SECOND = """
from superfacility.cli.user.terminal import interruption
interruption._SECOND = 600.0
"""
"""A second Ctrl-C counts however long this machine takes to type it."""
STOPS_HALFWAY = """
import time
from superfacility.cli.user.terminal import progress
progress._EVERY = 0.0
told = progress.ProgressLine.__call__
def tell(self, done, total):
    told(self, done, total)
    if 0 < done < total:
        time.sleep(600)
progress.ProgressLine.__call__ = tell
"""
"""A copy stands still when it has begun."""


@dataclass
class Terminal:
    """A process whose terminal is ours."""

    process: subprocess.Popen[bytes]
    master: int
    text: str = ""

    def until(self, pattern: str) -> re.Match[str]:
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < end, f"{pattern!r} did not come: {self.text!r}"
            if not self._read(0.1) and self.process.poll() is not None and not self._read(0.1):
                raise AssertionError(f"it ended without {pattern!r}: {self.text!r}")
        return found

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def ended(self) -> int:
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end: {self.text!r}"
            self._read(0.1)
        while self._read(0.1):
            pass
        return self.process.returncode

    def _read(self, wait: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], wait)
        try:
            piece = os.read(self.master, 65536) if ready else b""
        except OSError:  # the other side is closed
            return False
        self.text += piece.decode("utf-8", "replace")
        return bool(piece)


@pytest.fixture(scope="module")
def home(served: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("superfacility")
    key = served.key("demo1", suffix=".pem").rename(folder / "laptop.pem")
    words = ["login", served.base_url, "--facility", "demo", "--key", str(key)]
    subprocess.run([SFAPI, *words], env=environment(folder), check=True, capture_output=True)
    return folder


def environment(home: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SFAPI_")}
    return {**clean, "SFAPI_HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": "100", **more}


@contextmanager
def terminal(home: Path, *words: str, before: str = "", **more: str) -> Iterator[Terminal]:
    """The command at a terminal; `before` is what Python does in its process beforehand."""
    master, slave = pty.openpty()
    program = [sys.executable, "-c", before + MAIN] if before else [SFAPI]
    process = subprocess.Popen(
        [*program, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env=environment(home, **more),
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait(DEADLINE)
        os.close(master)


def state_of(home: Path, job_id: str) -> str:
    words = [SFAPI, "show", job_id]
    shown = subprocess.run(words, env=environment(home), capture_output=True, text=True, check=True).stdout
    return dict(line.split("\t", 1) for line in shown.splitlines())["state"]


def script(folder: Path, body: str) -> str:
    path = folder / "job.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    return str(path)


def test_states_are_coloured_at_a_terminal_and_only_there(home: Path) -> None:
    with terminal(home, "status") as screen:
        assert screen.ended() == 0
        assert "\x1b[32mactive\x1b[0m" in screen.text
        assert "\t" not in screen.text
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with terminal(home, "status", **variables) as screen:
            assert screen.ended() == 0
            assert "active" in screen.text
            assert "\x1b" not in screen.text


def test_the_first_interrupt_leaves_the_job_and_says_so(home: Path, tmp_path: Path) -> None:
    with terminal(home, "submit", "--wait", script(tmp_path, "sleep 600")) as screen:
        job_id = screen.until(r"Submitted batch job (\d+)").group(1)
        screen.until("RUNNING")
        screen.type(b"\x03")
        screen.until("Detached")
        screen.until(f"sfapi logs -f {job_id}")
        assert screen.ended() == 130
    assert state_of(home, job_id) == "RUNNING"
    subprocess.run([SFAPI, "cancel", job_id], env=environment(home), check=True, capture_output=True)


def test_the_second_interrupt_cancels_the_job(home: Path, tmp_path: Path) -> None:
    with terminal(home, "submit", "--wait", script(tmp_path, "sleep 600"), before=LONG_SECOND) as screen:
        job_id = screen.until(r"Submitted batch job (\d+)").group(1)
        screen.until("RUNNING")
        screen.type(b"\x03")
        screen.until("again within")
        screen.type(b"\x03")
        screen.until(f"Job {job_id} cancelled")
        assert screen.ended() == 130
    end = time.monotonic() + DEADLINE
    while state_of(home, job_id) != "CANCELLED":
        assert time.monotonic() < end


def test_following_a_job_can_be_left(home: Path, tmp_path: Path) -> None:
    words = [SFAPI, "submit", "--parsable", script(tmp_path, "echo begun; sleep 600")]
    job_id = subprocess.run(words, env=environment(home), capture_output=True, text=True, check=True).stdout.strip()
    with terminal(home, "logs", "-f", job_id) as screen:
        screen.until("begun")
        screen.type(b"\x03")
        screen.until("The job goes on")
        assert screen.ended() == 130
    assert state_of(home, job_id) == "RUNNING"
    subprocess.run([SFAPI, "cancel", job_id], env=environment(home), check=True, capture_output=True)


def test_a_command_that_is_interrupted_twice_is_killed(home: Path, served: Any) -> None:
    mark = served.directory / "command-runs"
    with terminal(home, "run", f"touch {mark}; sleep 600", before=LONG_SECOND) as screen:
        end = time.monotonic() + DEADLINE
        while not mark.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        screen.type(b"\x03")
        screen.until("again within")
        screen.type(b"\x03")
        screen.until("Task (cancelled|new)")
        assert screen.ended() == 130


def test_a_copy_that_was_interrupted_goes_on(home: Path, served: Any, tmp_path: Path) -> None:
    source, target = served.home("demo1") / "large", tmp_path / "large"
    source.write_bytes(os.urandom(8 << 20))
    copy = ("cp", "--no-compare", f"perlmutter:{source}", str(target))
    with terminal(home, *copy, before=STOPS_HALFWAY) as screen:
        screen.until(r" [1-9][\d.]* \w*B  [\d.]+ \w*B/s")
        screen.type(b"\x03")
        assert screen.ended() == 130
        assert "the same command goes on from there" in screen.text
    (part,) = tmp_path.glob(".large.*.part")
    arrived = part.stat()
    assert 0 < arrived.st_size < source.stat().st_size
    assert not target.exists()
    done = subprocess.run([SFAPI, *copy], env=environment(home), capture_output=True, text=True, check=True)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_ino == arrived.st_ino, "it is the same file, gone on with"
    assert hashlib.sha256(source.read_bytes()).hexdigest() in done.stdout
    assert list(tmp_path.glob(".large.*")) == []
    source.unlink()


@pytest.mark.parametrize(("locale", "bar"), [("C.UTF-8", "█"), ("C", "#")])
def test_a_copy_shows_how_far_it_is(home: Path, served: Any, tmp_path: Path, locale: str, bar: str) -> None:
    (tmp_path / "big.bin").write_bytes(os.urandom(4_000_000))
    target = f"perlmutter:{served.home('demo1')}/big.bin"
    with terminal(home, "cp", str(tmp_path / "big.bin"), target, LC_ALL=locale) as screen:
        assert screen.ended() == 0
        assert f"{bar * 20} 100%" in screen.text
        assert "MiB/s" in screen.text
        assert max(len(line) for line in re.split(r"[\r\n]+", screen.text) if "/s" in line) <= 100


COMPLETE = {
    "bash": "source <(sfapi completion bash); COMP_WORDS=({words}); COMP_CWORD={last}; _sfapi; echo ${{COMPREPLY[@]}}",
    "fish": "sfapi completion fish | source; complete -C '{line}' | cut -f1 | tr '\\n' ' '",
    "zsh": "autoload -Uz compinit; compinit -u -d {dump}; source <(sfapi completion zsh); "
    "compadd() {{ print -r -- ${{@:#--}} }}; _files() {{ : }}; _describe() {{ print -r -- ${{(P)2}} }}; "
    "words=({words}); CURRENT=$(({last}+1)); _sfapi",
}


@pytest.mark.parametrize("shell", COMPLETE)
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sfapi sub", {"submit"}),
        ("sfapi clients ", {"create", "revoke", "renew"}),
        ("sfapi submit --", {"--wait", "--parsable", "--json"}),
        ("sfapi clients create --level ", {"red", "green"}),
    ],
)
def test_shells_complete(shell: str, line: str, offered: set[str], tmp_path: Path) -> None:
    (program,) = require_programs(f"No test of completion by {shell}", **{shell: shell})
    words = line.split(" ")
    spelled = " ".join(repr(word) for word in words)
    text = COMPLETE[shell].format(words=spelled, last=len(words) - 1, line=line, dump=tmp_path / "dump")
    path = f"{Path(SFAPI).parent}:{os.environ['PATH']}"
    flags = ["--norc"] if shell == "bash" else ["-f"] if shell == "zsh" else ["--no-config"]
    done = subprocess.run(
        [program, *flags, "-c", text],
        env={**environment(tmp_path), "PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    found = {word.partition(":")[0] for word in done.stdout.split()}
    assert offered <= found, done.stderr
