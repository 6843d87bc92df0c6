"""The queue, its journal and the plan: pure logic and one file."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.adapters.embedded.columns import sacct_row, squeue_row
from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.daemon.environment import exported, job_variables
from superfacility.adapters.embedded.daemon.journal import Journal
from superfacility.adapters.embedded.daemon.ledger import Ledger
from superfacility.adapters.embedded.daemon.planning import NEVER, RESERVED, plan
from superfacility.adapters.embedded.daemon.queue import Change, Queue
from superfacility.adapters.embedded.output_paths import output_paths
from superfacility.adapters.embedded.protocol import Problem
from superfacility.adapters.embedded.records import (
    CANCELLED,
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    JobRecord,
    ReservationRecord,
    Submission,
)
from superfacility.adapters.embedded.request.request import JobRequest
from superfacility.testing.schedulers import SACCT_COLUMNS, SQUEUE_COLUMNS

NOW = 1_000_000.0


def add(queue: Queue, *, user: str = "demo1", tasks: int = 0, limit: int | None = 600, **asked: object) -> int:
    """A submission with its jobs; the id."""
    number = queue.next_id
    request = JobRequest(time_limit=limit, **asked)  # type: ignore[arg-type]
    submission = Submission(number, user, 1001, 100, request, "/home/demo1", "", NOW)
    jobs = [
        JobRecord(number + place, number, task=place if tasks else None, limit=limit) for place in range(max(tasks, 1))
    ]
    queue.apply(Change(submissions=[submission], jobs=jobs, next_id=number + len(jobs)))
    return number


def put(queue: Queue, number: int, **values: object) -> None:
    queue.apply(Change(jobs=[replace(queue.jobs[number], **values)]))  # type: ignore[arg-type]


def starts(queue: Queue, cores: int = 4, now: float = NOW) -> list[int]:
    return [job.id for job in plan(queue, cores, now).starts]


def test_first_in_first_out_within_the_cores() -> None:
    queue = Queue(100)
    first, second, third = add(queue, ntasks=3), add(queue, ntasks=2), add(queue)
    made = plan(queue, 4, NOW)
    assert [job.id for job in made.starts] == [first]
    assert made.reasons == {second: "Resources", third: "Priority"}


def test_what_runs_takes_its_cores() -> None:
    queue = Queue(100)
    first = add(queue, ntasks=4)
    put(queue, first, state=RUNNING, started=NOW)
    second = add(queue)
    assert starts(queue) == []
    put(queue, first, state=COMPLETED, ended=NOW)
    assert starts(queue) == [second]


def test_held_and_later_jobs_do_not_block_others() -> None:
    queue = Queue(100)
    held, later, ready = add(queue, ntasks=4), add(queue, ntasks=4, begin=NOW + 5), add(queue)
    put(queue, held, held=True)
    made = plan(queue, 4, NOW)
    assert [job.id for job in made.starts] == [ready]
    assert made.reasons == {held: "JobHeldUser", later: "BeginTime"}


def test_an_array_limit_holds() -> None:
    queue = Queue(100)
    array = add(queue, tasks=4, array_limit=2)
    other = add(queue)
    assert starts(queue) == [array, array + 1, other]


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        ("afterok", COMPLETED, "starts"),
        ("afterok", FAILED, "never"),
        ("afterok", CANCELLED, "never"),
        ("afternotok", FAILED, "starts"),
        ("afternotok", COMPLETED, "never"),
        ("afterany", FAILED, "starts"),
        ("afterany", RUNNING, "waits"),
        ("after", RUNNING, "starts"),
        ("after", PENDING, "waits"),
    ],
)
def test_dependencies(kind: str, state: str, expected: str) -> None:
    queue = Queue(100)
    first = add(queue)
    started = None if state == PENDING else NOW
    put(queue, first, state=state, started=started, held=True)
    second = add(queue, dependency=f"{kind}:{first}")
    made = plan(queue, 4, NOW)
    assert (second in [job.id for job in made.starts]) == (expected == "starts")
    assert [(job.state, job.reason) for job in made.hopeless] == ([(CANCELLED, NEVER)] if expected == "never" else [])
    assert made.reasons.get(second) == ("Dependency" if expected == "waits" else None)


def test_a_singleton_waits_for_its_older_twin() -> None:
    queue = Queue(100)
    first = add(queue, name="daily")
    stranger = add(queue, name="daily", user="demo2", dependency="singleton")
    second = add(queue, name="daily", dependency="singleton")
    assert starts(queue) == [first, stranger]
    put(queue, first, state=COMPLETED)
    assert starts(queue) == [stranger, second]


def booked(cores: int = 2, start: float = NOW - 1, end: float = NOW + 1000) -> ReservationRecord:
    return ReservationRecord("beam", start, end, cores, users=("demo1",))


def test_others_keep_off_reserved_cores() -> None:
    queue = Queue(100)
    queue.apply(Change(reservations=[booked()]))
    outside, blocked = add(queue, ntasks=2), add(queue)
    inside = add(queue, ntasks=2, reservation="beam")
    made = plan(queue, 4, NOW)
    assert [job.id for job in made.starts] == [outside, inside]
    assert made.reasons == {blocked: RESERVED}


def test_nobody_runs_into_a_coming_reservation() -> None:
    queue = Queue(100)
    queue.apply(Change(reservations=[booked(cores=4, start=NOW + 300)]))
    too_long, endless, short = add(queue, limit=301), add(queue, limit=None), add(queue, limit=300)
    inside = add(queue, reservation="beam")
    made = plan(queue, 4, NOW)
    assert [job.id for job in made.starts] == [short]
    assert made.reasons == {too_long: RESERVED, endless: RESERVED, inside: "Reservation"}


def test_a_reserved_job_ends_with_the_reservation() -> None:
    queue = Queue(100)
    queue.apply(Change(reservations=[booked(end=NOW + 100)]))
    fitting = add(queue, limit=600, reservation="beam")
    too_long = add(queue, limit=600, limit_given=True, reservation="beam")
    made = plan(queue, 4, NOW)
    assert [(job.id, job.limit) for job in made.starts] == [(fitting, 100)]
    assert made.reasons == {too_long: "Reservation"}


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.integers(1, 900)), max_size=12), st.integers(1, 4))
def test_cores_are_never_promised_twice(jobs: list[tuple[int, bool, int]], reserved: int) -> None:
    queue = Queue(100)
    queue.apply(Change(reservations=[booked(cores=reserved, start=NOW + 100, end=NOW + 500)]))
    for cpus, inside, limit in jobs:
        add(queue, ntasks=cpus, limit=limit, reservation="beam" if inside else "")
    for now in (NOW, NOW + 50, NOW + 150, NOW + 450):
        queue.apply(Change(jobs=plan(queue, 5, now).starts))
        running = [queue.jobs[number] for number in queue.active if queue.jobs[number].state == RUNNING]
        asked = {job.id: queue.submissions[job.submission].request for job in running}
        assert sum(request.cpus for request in asked.values()) <= 5
        within = [
            asked[job.id].cpus
            for job in running
            if not asked[job.id].reservation
            and (job.started or 0) + (job.limit or 0) > NOW + 100
            and (job.started or 0) < NOW + 500
        ]
        assert sum(within) <= 5 - reserved or now >= NOW + 500


def test_ids_name_jobs_arrays_and_elements() -> None:
    queue = Queue(100)
    single, array = add(queue), add(queue, tasks=3)
    assert [job.public_id for job in queue.find(str(single))] == ["1"]
    assert [job.public_id for job in queue.find(str(array))] == ["2_0", "2_1", "2_2"]
    assert [job.public_id for job in queue.find("2_1")] == ["2_1"]
    assert [job.public_id for job in queue.find("3")] == ["2_1"]
    for text in ("", "9", "2_9", "x", "-1", "1 ", "\u0661", "1" * 19):
        assert queue.find(text) == []


def test_old_jobs_are_forgotten_with_their_submission() -> None:
    queue = Queue(2)
    for _ in range(4):
        number = add(queue)
        put(queue, number, state=COMPLETED, ended=NOW)
    assert sorted(queue.jobs) == [3, 4]
    assert sorted(queue.submissions) == [3, 4]


def test_changes_are_told_once_in_pages() -> None:
    queue = Queue(2)
    for _ in range(5):
        add(queue)
    page = queue.changes(0, 3)
    assert (page.reset, page.more, [job.id for job in page.jobs]) == (False, True, [1, 2, 3])
    page = queue.changes(page.version, 3)
    assert (page.reset, page.more, [job.id for job in page.jobs]) == (False, False, [4, 5])
    assert queue.changes(page.version, 3).jobs == []
    assert queue.changes(page.version + 1, 3).reset
    for number in (1, 2, 3):
        put(queue, number, state=COMPLETED, ended=NOW)
    last = queue.changes(page.version, 10)
    assert ([job.id for job in last.jobs], last.forgotten) == ([2, 3], [1, 1])


def test_the_journal_gives_back_what_it_took(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "journal", 100)
    scratch = Queue(100)
    add(scratch, tasks=3, name="a\n'\"\udcff", dependency="")
    change = Change(list(scratch.submissions.values()), list(scratch.jobs.values()), [booked()], next_id=4)
    ledger.commit(change)
    ledger.close()
    again = Ledger(tmp_path / "journal", 100)
    assert again.queue.submissions == scratch.submissions
    assert again.queue.jobs == scratch.jobs
    assert again.queue.reservations == {"beam": booked()}
    assert again.queue.next_id == 4
    again.close()


def test_a_half_written_line_never_happened(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append({"next_id": 5})
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"next_id": 9')
    journal = Journal(path)
    assert list(journal.replay()) == [{"next_id": 5}]
    journal.append({"next_id": 6})
    journal.close()
    journal = Journal(path)
    assert list(journal.replay()) == [{"next_id": 5}, {"next_id": 6}]
    journal.close()


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "journal", 100)
    before = (tmp_path / "journal").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", full)
        with pytest.raises(Problem, match="No space left on device"):
            ledger.commit(Change(reservations=[booked()], next_id=7))
    assert ledger.queue.reservations == {}
    assert (tmp_path / "journal").read_bytes() == before
    ledger.commit(Change(next_id=8))
    ledger.close()


def test_compaction_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superfacility.adapters.embedded.daemon.ledger._SLACK", 5)
    ledger = Ledger(tmp_path / "journal", 3)
    for number in range(1, 30):
        submission = Submission(number, "demo1", 1, 1, JobRequest(), "/", "", NOW)
        ledger.commit(Change([submission], [JobRecord(number, number)], next_id=number + 1))
        ledger.commit(Change(jobs=[JobRecord(number, number, state=COMPLETED, ended=NOW)]))
    ledger.close()
    assert len((tmp_path / "journal").read_bytes().splitlines()) < 20
    again = Ledger(tmp_path / "journal", 3)
    assert sorted(again.queue.jobs) == [27, 28, 29]
    assert again.queue.next_id == 30
    again.close()


def element(**asked: object) -> tuple[Submission, JobRecord]:
    request = JobRequest(name="scan/1", array="0-9", array_count=10, array_max=9, **asked)  # type: ignore[arg-type]
    submission = Submission(40, "demo1", 1001, 100, request, "/home/demo1", "", NOW)
    return submission, JobRecord(47, 40, task=7, limit=93784)


def test_output_patterns() -> None:
    submission, job = element(output="%x-%A_%a-%j-%u-%N-%%-%5j-%q.out", error="/var/err")
    assert output_paths(submission, job, "here") == (
        "/home/demo1/scan/1-40_7-47-demo1-here-%-00047-%q.out",
        "/var/err",
    )
    submission, job = element()
    assert output_paths(submission, job, "here") == ("/home/demo1/slurm-40_7.out",) * 2


def test_environment_of_a_job() -> None:
    submission, job = element(cpus_per_task=2, ntasks=3)
    variables = job_variables(submission, job, Configuration(cluster="here"))
    assert variables["SLURM_JOB_ID"] == variables["SLURM_JOBID"] == "47"
    assert (variables["SLURM_ARRAY_JOB_ID"], variables["SLURM_ARRAY_TASK_ID"]) == ("40", "7")
    assert (variables["SLURM_ARRAY_TASK_COUNT"], variables["SLURM_ARRAY_TASK_MAX"]) == ("10", "9")
    assert (variables["SLURM_CPUS_PER_TASK"], variables["SLURM_CPUS_ON_NODE"]) == ("2", "6")
    assert variables["SLURM_SUBMIT_DIR"] == "/home/demo1"
    assert all(isinstance(value, str) for value in variables.values())


def test_export_of_the_environment() -> None:
    environment = {"HOME": "/h", "SECRET": "s", "A": "1"}
    assert exported(environment, "ALL") == environment
    assert exported(environment, "ALL,B=2") == {**environment, "B": "2"}
    assert exported(environment, "NONE") == {"HOME": "/h"}
    assert exported(environment, "A,C=3,D") == {"HOME": "/h", "A": "1", "C": "3"}


def test_rows_have_the_contract_s_keys_in_every_state() -> None:
    submission, job = element()
    running = replace(job, state=RUNNING, started=NOW)
    ended = replace(running, state=CANCELLED, ended=NOW + 9, elapsed=93784.0, cancelled_by=1002, signal=15)
    for each in (job, running, ended):
        assert tuple(squeue_row(submission, each, "here", NOW + 5)) == SQUEUE_COLUMNS
        assert tuple(sacct_row(submission, each, "here", NOW + 5)) == SACCT_COLUMNS
    row = squeue_row(submission, running, "here", NOW + 5)
    assert (row["st"], row["time"], row["time_left"], row["time_limit"]) == ("R", "0:05", "1-02:02:59", "1-02:03:04")
    assert (row["jobid"], row["array_job_id"], row["array_task_id"]) == ("47", "40", "7")
    assert (row["group"], row["uid"], row["s:c:t"], row["account"]) == ("100", "1001", "*:*:*", "(null)")
    recorded = sacct_row(submission, ended, "here", NOW + 500)
    assert (recorded["jobid"], recorded["jobidraw"], recorded["state"]) == ("40_7", "47", "CANCELLED by 1002")
    assert (recorded["elapsed"], recorded["exitcode"]) == ("1-02:03:04", "0:15")
    assert json.loads(recorded["admincomment"]) == {
        "stdoutPath": "/home/demo1/slurm-40_7.out",
        "stderrPath": "/home/demo1/slurm-40_7.out",
        "workingDirectory": "/home/demo1",
    }


def test_a_clock_that_jumps_back_makes_no_negative_times() -> None:
    submission, job = element()
    running = replace(job, state=RUNNING, started=NOW)
    assert squeue_row(submission, running, "here", NOW - 3600)["time"] == "0:00"
