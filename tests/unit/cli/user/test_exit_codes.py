"""The exit codes that scripts rely on, each by what a facility really answers."""

from collections.abc import Callable
from typing import Any

import pytest

from superfacility.cli.user.terminal.exits import MEANINGS
from superfacility.cli.user.work.submit import exit_code
from superfacility.client.errors import (
    ConfigurationError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Refused,
    SuperfacilityError,
    TimedOut,
    Unavailable,
)
from superfacility.client.records.jobs import Job
from superfacility.client.records.work import Task, Transfer

Make = Callable[..., Job]


def test_each_code_has_its_meaning() -> None:
    assert list(MEANINGS) == [0, 1, 2, 3, 4, 5, 6, 130]


@pytest.mark.parametrize(
    ("problem", "code", "kind"),
    [
        (Refused("sbatch: error: no time"), 1, "failed"),
        (SuperfacilityError("The server answered 500.", status=500), 1, "failed"),
        (ConfigurationError("There is no key."), 2, "configuration"),
        (InvalidRequest("limit: too large"), 2, "invalid_request"),
        (NotAuthenticated("The token has ended."), 3, "not_authenticated"),
        (NotPermitted("Your client is yellow; submit needs red."), 3, "not_permitted"),
        (NotFound("There is no such job."), 4, "not_found"),
        (Unavailable("The facility cannot be reached."), 5, "unavailable"),
        (TimedOut("The time to wait is over."), 6, "timed_out"),
    ],
)
def test_every_kind_of_failure_has_its_code(
    problem: SuperfacilityError, code: int, kind: str, run: Any, connection: Any
) -> None:
    connection.answers["jobs"] = problem
    done = run("jobs")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"sfapi: {problem}\n")
    told = run("jobs", "--json")
    assert (told.code, told.error()["kind"], told.error()["exit_code"]) == (code, kind, code)


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        (NotAuthenticated("The token has ended."), "Log in: sfapi login"),
        (NotPermitted("Submit needs red."), "sfapi whoami"),
        (Unavailable("It cannot be reached."), "It is safe to try again"),
        (SuperfacilityError("It answered 500.", status=500, request_id="r-1"), "staff must act"),
    ],
)
def test_a_failure_says_who_must_act(problem: SuperfacilityError, advice: str, run: Any, connection: Any) -> None:
    connection.answers["jobs"] = problem
    done = run("jobs")
    assert advice in done.err
    assert ("Request r-1" in done.err) == (problem.request_id is not None)


def test_advice_that_is_there_is_not_given_twice(run: Any, connection: Any) -> None:
    connection.answers["jobs"] = NotPermitted("Make a red client: sfapi clients create --level red")
    assert run("jobs").err.count("sfapi clients") == 1


@pytest.mark.parametrize(
    "words", [("jobs", "--nosuch"), ("show",), ("cp", "one"), ("run",), ("submit", "--timeout", "soon", "j")]
)
def test_a_wrong_command_line_is_2(words: tuple[str, ...], run: Any) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err


def test_an_interrupt_is_130(run: Any, connection: Any) -> None:
    connection.answers["jobs"] = KeyboardInterrupt()
    assert run("jobs").code == 130


@pytest.mark.parametrize(
    ("words", "call", "goes_on"),
    [
        ("submit perlmutter:/j.sh --wait", "wait_for_job", "Job 7 goes on"),
        ("run hostname", "wait_for_task", "as task 9"),
        ("tasks wait 9", "wait_for_task", "Task 9 goes on"),
        ("transfer dtn:/a hpss:/b --wait", "wait_for_transfer", "The transfer goes on"),
        ("logs -f 7", "follow_output", "The job goes on"),
    ],
)
def test_the_first_interrupt_leaves_what_goes_on(
    words: str, call: str, goes_on: str, run: Any, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superfacility.cli.user.terminal.interruption.time.sleep", lambda _: None)
    connection.answers[call] = KeyboardInterrupt()
    done = run(*words.split())
    assert done.code == 130
    assert goes_on in done.err
    assert not connection.of("cancel")
    assert not connection.of("cancel_task")


@pytest.mark.parametrize(
    ("words", "call", "cancel"),
    [
        ("submit perlmutter:/j.sh --wait", "wait_for_job", "cancel"),
        ("run hostname", "wait_for_task", "cancel_task"),
        ("tasks wait 9", "wait_for_task", "cancel_task"),
    ],
)
def test_the_second_interrupt_cancels_it(
    words: str, call: str, cancel: str, run: Any, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("superfacility.cli.user.terminal.interruption.time.sleep", again)
    connection.answers[call] = KeyboardInterrupt()
    assert run(*words.split()).code == 130
    assert connection.of(cancel)


def test_an_interrupted_submission_can_be_repeated(run: Any, connection: Any) -> None:
    connection.answers["submit"] = KeyboardInterrupt()
    done = run("submit", "perlmutter:/j.sh", "--idempotency-key", "mine")
    assert done.code == 130
    assert "--idempotency-key mine and it is the same job" in done.err


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "COMPLETED", "exit_code": 0}, 0),
        ({"state": "FAILED", "exit_code": 7}, 7),
        ({"state": "CANCELLED", "exit_code": 0, "signal": 15}, 143),
        ({"state": "OUT_OF_MEMORY", "exit_code": 0, "signal": 0}, 1),
        ({"state": "TIMEOUT", "exit_code": None}, 1),
    ],
)
def test_a_job_that_is_waited_for_has_the_exit_code_of_a_shell(
    changes: dict[str, Any], code: int, run: Any, connection: Any, make_job: Make
) -> None:
    connection.answers["wait_for_job"] = (make_job(**changes),)
    assert run("submit", "perlmutter:/j.sh", "--wait").code == code


def test_the_worst_element_of_an_array_counts(make_job: Make) -> None:
    ended = [make_job(state="FAILED", exit_code=code) for code in (2, 9, 3)]
    assert exit_code([make_job(state="COMPLETED", exit_code=0), *ended]) == 9


def test_a_command_ends_with_its_own_code(run: Any, connection: Any) -> None:
    connection.answers["wait_for_task"] = Task("9", "completed", {"output": "", "error": "no\n", "exit_code": 42})
    assert run("run", "false").code == 42
    connection.answers["wait_for_task"] = Task("9", "failed", {"status": "error", "error": "It may have run."})
    done = run("run", "false")
    assert (done.code, "It may have run." in done.err) == (1, True)


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELED", 1), ("ACTIVE", 0)])
def test_a_transfer_that_failed_is_a_failure(state: str, code: int, run: Any, connection: Any) -> None:
    connection.answers["transfer"] = Transfer("t-1", state, 0, None, None, "no such file")
    assert run("transfer", "t-1").code == code


def test_a_task_that_failed_is_a_failure(run: Any, connection: Any) -> None:
    connection.answers["task"] = Task("9", "completed", {"status": "error", "error": "no\n"})
    assert run("tasks", "show", "9").code == 1


def test_unknown_jobs_are_4_and_refused_ones_1(run: Any, connection: Any) -> None:
    connection.answers["cancel"] = {"8": "scancel: error: Invalid job id 8"}
    assert run("cancel", "7", "8").code == 4
    connection.answers["cancel"] = {"7": "Access denied"}
    assert run("cancel", "7", "8").code == 1


def test_a_file_of_this_machine_that_cannot_be_read_is_named(run: Any, tmp_path: Any) -> None:
    done = run("submit", str(tmp_path / "nosuch.sh"))
    assert done.code in {1, 2}
    assert "nosuch.sh" in done.err
