"""What goes to which stream and how it looks: at a terminal, in a pipe, without colours, and in plain ASCII."""

import io
import re
import shlex
import sys
from collections.abc import Callable
from typing import Any

import pytest

from superfacility.cli.main import main
from superfacility.cli.user.dispatch import load, parser_of
from superfacility.cli.user.table import TABLE
from superfacility.cli.user.terminal.command import Command
from superfacility.cli.user.terminal.output import Output, safe
from superfacility.cli.user.terminal.progress import ProgressLine, Whole
from superfacility.cli.user.terminal.words import ago, plain_reason
from superfacility.client.records.jobs import Jobs


class Screen(io.TextIOWrapper):
    """A stream of an encoding, perhaps a terminal."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        content: bytes = self.buffer.getvalue()  # type: ignore[attr-defined]
        return content.decode(self.encoding)


Show = Callable[..., Screen]
OURS = (
    "login", "logout", "whoami", "status", "outages", "balance", "submit", "jobs", "show", "logs", "cancel", "hold",
    "release", "run", "ls", "cat", "cp", "transfer", "tasks", "reservations", "doctor", "completion",
)  # fmt: skip


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """A table with two states, on a screen of its own."""

    def show(*, terminal: bool = True, encoding: str = "utf-8", name: str = "perlmutter", **variables: str) -> Screen:
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        screen = Screen(terminal=terminal, encoding=encoding)
        monkeypatch.setattr(sys, "stdout", screen)
        rows = [(name, "active"), ("x", "unavailable")]
        Output(as_json=False).table(rows, {"NAME": lambda r: r[0], "STATE": lambda r: r[1]}, nothing="Nothing.")
        return screen

    return show


def test_a_terminal_has_columns_and_colours(show: Show) -> None:
    lines = show().text.splitlines()
    assert lines[1] == "perlmutter  \x1b[32mactive\x1b[0m"
    assert lines[2] == "x           \x1b[31munavailable\x1b[0m"


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colours_gets_none(show: Show, variables: dict[str, str]) -> None:
    text = show(**variables).text
    assert "\x1b" not in text
    assert "perlmutter  active" in text


def test_an_empty_no_color_says_nothing(show: Show) -> None:
    assert "\x1b[32m" in show(NO_COLOR="").text


def test_a_pipe_gets_tabs(show: Show) -> None:
    assert show(terminal=False).text == "NAME\tSTATE\nperlmutter\tactive\nx\tunavailable\n"


def test_a_name_with_tabs_and_line_ends_stays_one_cell(show: Show) -> None:
    assert "a b c\tactive" in show(terminal=False, name="a\tb\nc").text


def test_what_comes_from_afar_does_not_steer_the_terminal(show: Show) -> None:
    assert "\x1b]0;" not in show(terminal=False, name="\x1b]0;owned\x07").text
    assert safe("\x9b31m\u202e") == "\\x9b31m\\u202e"


def test_a_terminal_of_ascii_gets_ascii(show: Show) -> None:
    assert "Z?rich" in show(terminal=False, encoding="ascii", name="Zürich", LC_ALL="C").text


def test_json_is_ascii_where_the_locale_is(run: Any, connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from superfacility.client.records.status import Note

    connection.answers["notes"] = (Note("perlmutter", "Zürich", True, None),)
    assert "Zürich" in run("status", "perlmutter", "--json").out
    monkeypatch.setenv("LC_ALL", "C")
    assert "Z\\u00fcrich" in run("status", "perlmutter", "--json").out


@pytest.mark.parametrize(
    ("words", "out"),
    [
        ("submit --parsable perlmutter:/j.sh", "7\n"),
        ("submit --parsable --wait perlmutter:/j.sh", "7\n"),
        ("submit perlmutter:/j.sh", "Submitted batch job 7\n"),
        ("transfer --parsable dtn:/a hpss:/b", "t-1\n"),
        ("cat perlmutter:/f", "onetwo\n"),
        ("logs 7", "out\n"),
        ("logs -f 7", "out\n"),
        ("ls perlmutter:/d", "raw.h5\n"),
        ("ls -a perlmutter:/d", ".\nraw.h5\n.hidden\n"),
        ("run hostname", "out\n"),
    ],
)
def test_standard_output_is_data_alone(words: str, out: str, run: Any, connection: Any) -> None:
    connection.answers["wait_for_task"] = _shown(connection.answers["wait_for_task"])
    done = run(*words.split())
    assert (done.code, done.out) == (0, out)


def _shown(task: Any) -> Callable[..., Any]:
    def wait(*_: Any, seen: Any = None, **__: Any) -> Any:
        if seen is not None:
            seen(task)
        return task

    return wait


def test_nothing_to_list_is_no_data(run: Any, connection: Any) -> None:
    connection.answers["jobs"] = Jobs()
    done = run("jobs")
    assert (done.code, done.out, done.err) == (0, "", "No jobs.\n")


def test_a_waiting_job_says_why_in_plain_words(run: Any) -> None:
    assert "waits for free nodes (Resources)" in run("jobs").out
    assert plain_reason("(ReqNodeNotAvail, UnavailableNodes:nid1)").startswith("nodes that it asks for are down")
    assert plain_reason("SomethingNew") == "SomethingNew"


def test_old_data_says_how_old_it_is_and_is_no_failure(run: Any, connection: Any, listing: Any, make_job: Any) -> None:
    words = "perlmutter was last seen 40 s ago: this is how it was then.\n"
    connection.answers["jobs"] = listing(make_job(), age=40.2)
    connection.answers["job_elements"] = listing(make_job(), age=40.2)
    for command in (["jobs"], ["show", "7"]):
        done = run(*command)
        assert (done.code, done.err) == (0, words)
        assert words not in done.out
        assert run(*command, "--json").document(command[0])["stale"] is True


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (600, "10 min"), (7200, "2 h"), (600_000, "7 days")]
)
def test_ages_are_short(seconds: float, words: str) -> None:
    assert ago(seconds) == words


def test_a_job_that_waits_says_why_and_when_it_may_start(run: Any, connection: Any, make_job: Any) -> None:
    waiting = make_job(state="PENDING", reason="Priority")
    connection.answers["job_elements"] = Jobs([waiting])
    shown = dict(line.split("\t") for line in run("show", "7").out.splitlines())
    assert (shown["why"], shown["expected to start"]) == ("others are before it (Priority)", "2026-05-31 18:00")

    def wait(*_: Any, changed: Any, **__: Any) -> Any:
        changed([waiting])
        changed([make_job(state="RUNNING")])
        return (make_job(state="COMPLETED", exit_code=0),)

    connection.answers["wait_for_job"] = wait
    assert run("submit", "--wait", "perlmutter:/j.sh").err.splitlines() == [
        "Job 7: PENDING, others are before it (Priority), expected to start 2026-05-31 18:00",
        "Job 7: RUNNING",
    ]
    assert run("submit", "--wait", "--parsable", "perlmutter:/j.sh").err == ""


def watched(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal of 70 columns for progress."""
    screen = Screen(terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "70")
    return screen


def test_progress_has_bytes_rate_time_left_and_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    error = watched(monkeypatch)
    whole = Whole(3, 4_000_000)
    whole.add(1_000_000)
    line = ProgressLine("a-file-of-a-long-name.h5", whole)
    line(0, 1_000_000)
    line(1_000_000, 1_000_000)
    line.clear()
    shown = error.text.split("\r")
    assert "100%" in shown[-3]
    assert "976.6 KiB" in shown[-3]
    assert "/s" in shown[-3]
    assert "0:00 left" in shown[-3]
    assert max(map(len, shown)) < 70
    assert shown[-2].strip() == ""
    assert whole.place(0) == "[2/3, 25%] "


def test_progress_of_a_copy_that_goes_on_counts_what_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    error = watched(monkeypatch)
    now = iter([0.0, 0.0, 10.0, 10.0, 10.0])
    monkeypatch.setattr("superfacility.cli.user.terminal.progress.time.monotonic", lambda: next(now, 10.0))
    line = ProgressLine("f")
    line(900 * 2**20, 1000 * 2**20)
    line(1000 * 2**20, 1000 * 2**20)
    assert "10.0 MiB/s" in error.text
    assert line.summary(1000 * 2**20) == "1000.0 MiB in 0:10, 10.0 MiB/s"


def test_nobody_is_shown_progress_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)
    line = ProgressLine("f")
    line(0, 10)
    line(10, 10)
    line.clear()
    assert screen.text == ""


@pytest.mark.parametrize(("locale", "bar"), [("C", "####"), ("de_DE.UTF-8", "████")])
def test_the_bar_is_of_the_locale(locale: str, bar: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = watched(monkeypatch)
    monkeypatch.setenv("LC_ALL", locale)
    monkeypatch.setenv("COLUMNS", "100")
    line = ProgressLine("f")
    line(0, 10)
    line(10, 10)
    assert bar in error.text


@pytest.mark.parametrize("name", OURS)
def test_every_argument_is_explained(name: str) -> None:
    parser = parser_of(name)
    for each in [parser, *parser.verbs().values()]:
        unexplained = [action.dest for action in each._actions if not action.help and not action.choices]
        assert unexplained == []


@pytest.mark.parametrize("name", TABLE)
def test_examples_are_command_lines_that_are_understood(name: str) -> None:
    found = load(name)
    commands = {name: found} if isinstance(found, Command) else found.verbs
    for command in commands.values():
        for line in command.examples:
            words = shlex.split(re.split(r"  +|&&|\)", line.partition("$(")[2] or line)[0])
            assert words[:2] == ["sfapi", name]
            parser_of(name).parse_args(words[2:])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["job"], "There is no command 'job'. Did you mean `sfapi jobs`"),
        (["squeue"], "Did you mean `sfapi jobs`?"),
        (["xyzzy"], "There is no command 'xyzzy'. All of them: sfapi --help"),
        (["-F", "x", "jobs"], "The command comes first, then its options"),
    ],
)
def test_what_is_no_command_is_met_kindly(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert said in capfd.readouterr().err


def test_a_transfer_without_a_target_is_asked_where_to(run: Any) -> None:
    done = run("transfer", "dtn:/a")
    assert (done.code, "Where to?" in done.err) == (2, True)
