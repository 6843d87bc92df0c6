"""What Slurm 22.05, 24.11 and 26.05 really printed, read."""

import math
from collections.abc import Callable
from datetime import timedelta

import pytest

from superfacility.adapters.slurm.capabilities import parse_age, parse_settings
from superfacility.adapters.slurm.reading.accounting import parse_sacct, sacct_fields
from superfacility.adapters.slurm.reading.columns import SQUEUE_LETTERS
from superfacility.adapters.slurm.reading.details import accounted_details, archived_script, parse_job
from superfacility.adapters.slurm.reading.inventory import node_state, parse_nodes, parse_partitions
from superfacility.adapters.slurm.reading.queue import Queue, parse_squeue
from superfacility.adapters.slurm.reading.remembered import as_accounted, parse_exits
from superfacility.adapters.slurm.reading.tables import Marks
from superfacility.facility.accounting.charges import Rate, price
from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.testing import schedulers

Recorded = Callable[[str], str]
HOSTILE = "a|b'c\"\x1fd\ne"


@pytest.fixture
def queue(recorded: Recorded, marks: Marks) -> Queue:
    return parse_squeue(recorded("squeue"), marks, array_limit=100)


@pytest.fixture
def accounted(recorded: Recorded, marks: Marks) -> list[Job]:
    fields = sacct_fields(recorded("helpformat").lower().split())
    return parse_sacct(recorded("sacct"), marks, fields, array_limit=100)


def named(jobs: object, name: str) -> list[Job]:
    return [job for job in jobs if job.name == name]  # type: ignore[attr-defined]


def test_columns_are_those_of_the_contract() -> None:
    assert tuple(SQUEUE_LETTERS) == schedulers.SQUEUE_COLUMNS


def test_hostile_names_and_comments_survive(queue: Queue, accounted: list[Job]) -> None:
    (job,) = named(queue.jobs, HOSTILE)
    assert (job.columns["name"], job.columns["comment"], job.state) == (HOSTILE, HOSTILE, JobState.FAILED)
    (row,) = named(accounted, HOSTILE.replace('"', "`"))  # Slurm's own doing, for its database
    assert (row.exit_code, row.columns["exitcode"], row.state) == (3, "3:0", JobState.FAILED)
    assert row.id == job.id


def test_every_row_has_every_column(queue: Queue, accounted: list[Job]) -> None:
    assert all(tuple(job.columns) == schedulers.SQUEUE_COLUMNS for job in queue.jobs)
    assert all(tuple(job.columns) == schedulers.SACCT_COLUMNS for job in accounted)
    assert all(type(value) is str for job in (*queue.jobs, *accounted) for value in job.columns.values())


def test_waiting_elements_of_an_array_are_listed_one_by_one(queue: Queue) -> None:
    found = named(queue.jobs, "waiting array")
    parent = found[0].parent_id
    assert [job.id for job in found] == [f"{parent}_{number}" for number in (1, 2, 3, 7)]
    assert [job.columns["array_task_id"] for job in found] == ["1", "2", "3", "7"]
    assert {job.columns["jobid"] for job in found} == {parent}


def test_a_large_array_stays_one_row(recorded: Recorded, marks: Marks) -> None:
    (row,) = named(parse_squeue(recorded("squeue"), marks, array_limit=3).jobs, "waiting array")
    assert row.id.endswith("_[1-3,7%2]")


def test_heterogeneous_jobs_keep_their_ids(queue: Queue) -> None:
    parts = sorted(job.id for job in queue.jobs if "+" in job.id)
    assert [part.partition("+")[2] for part in parts] == ["0", "1"]


def test_the_command_is_the_users_own(queue: Queue) -> None:
    (job,) = named(queue.jobs, "recorded.sh")
    assert job.columns["command"].removesuffix(" one two words") == f"/cluster/home/{job.user}/recorded.sh"


def test_times_are_local_in_the_columns_and_aware_in_the_job(queue: Queue) -> None:
    (job,) = named(queue.jobs, HOSTILE)
    assert job.submitted_at is not None
    assert job.columns["submit_time"] == job.submitted_at.strftime("%Y-%m-%dT%H:%M:%S")
    assert job.submitted_at.utcoffset() == timedelta()
    assert job.ended_at is not None
    waiting = named(queue.jobs, "waiting array")[0]
    assert (waiting.started_at, waiting.ended_at, waiting.columns["start_time"]) == (None, None, "N/A")


def test_running_and_cancelled_jobs(queue: Queue, accounted: list[Job]) -> None:
    running = {job.id: job for job in queue.jobs if job.state is JobState.RUNNING}
    assert running
    for job in running.values():
        assert job.started_at is not None
        assert job.ended_at is None
        assert job.columns["end_time"] > job.columns["start_time"]
    cancelled = [job for job in accounted if job.state is JobState.CANCELLED]
    assert all(job.columns["state"].startswith("CANCELLED by ") for job in cancelled)


def test_a_signal_is_an_exit_code_as_in_a_shell(accounted: list[Job], queue: Queue, recorded: Recorded) -> None:
    assert 137 in {job.exit_code for job in accounted}
    remembered = as_accounted(queue.jobs, parse_exits(recorded("exits")))
    by_id = {job.id: job for job in accounted}
    for job in remembered:
        assert tuple(job.columns) == schedulers.SACCT_COLUMNS
        if job.state is JobState.FAILED and job.id in by_id:
            assert job.exit_code == by_id[job.id].exit_code
            assert job.columns["exitcode"] == by_id[job.id].columns["exitcode"]


def test_a_job_costs_the_same_by_accounting_by_the_queue_and_by_what_is_remembered(
    accounted: list[Job], queue: Queue, recorded: Recorded
) -> None:
    rate = Rate(2, 3.0, {"normal": 2.0}, gpus_per_node=1)
    remembered = {job.id: job for job in as_accounted(queue.jobs, parse_exits(recorded("exits")))}
    queued = {job.id: job for job in queue.jobs}
    ended = [job for job in accounted if job.state.terminal and job.id in queued]
    assert any("_" in job.id for job in ended)
    for job in ended:
        for other in (queued[job.id], remembered[job.id]):
            assert (other.submitted_at, other.user, other.project) == (job.submitted_at, job.user, job.project)
            assert (other.partition, other.qos, other.features) == (job.partition, job.qos, job.features)
            assert price(other, rate) == price(job, rate)


def test_equal_answers_have_equal_versions_whatever_time_has_passed(recorded: Recorded, marks: Marks) -> None:
    text = recorded("squeue")
    first = parse_squeue(text, marks, array_limit=100)
    again = parse_squeue(text.replace("0:00\x1f30:00", "0:07\x1f29:53"), marks, array_limit=100, before=first)
    assert again.version == first.version
    assert len(again.jobs) == len(first.jobs)
    changed = parse_squeue(text.replace("JobHeldUser", "JobHeldAdmin"), marks, array_limit=100, before=first)
    assert changed.version != first.version
    assert "JobHeldAdmin" in {job.columns["reason"] for job in changed.jobs}


def test_an_unchanged_row_is_not_read_again(recorded: Recorded, marks: Marks) -> None:
    text = recorded("squeue")
    first = parse_squeue(text, marks, array_limit=100)
    again = parse_squeue(text, marks, array_limit=100, before=first)
    assert all(new is old for new, old in zip(again.jobs, first.jobs, strict=True))


def test_configuration(recorded: Recorded) -> None:
    settings = parse_settings(recorded("configuration"))
    assert settings["SLURM_VERSION"][:5] in {"22.05", "24.11", "26.05"}
    assert settings["AccountingStorageType"].endswith("slurmdbd")
    assert parse_age(settings["MinJobAge"]) == 60
    assert parse_age("") == 0
    assert parse_age("0 sec") == math.inf


def test_inventory(recorded: Recorded) -> None:
    nodes, partitions = parse_nodes(recorded("nodes")), parse_partitions(recorded("partitions"))
    assert [node.name for node in nodes] == [f"nid{number:06}" for number in range(1, 5)]
    assert all(node.usable and node.cpus > node.cpus_allocated and node.memory > 0 for node in nodes)
    assert {"regular", "debug"} == set(nodes[0].partitions)
    assert "cpu" in nodes[0].features
    regular = next(partition for partition in partitions if partition.name == "regular")
    assert (regular.default, regular.state, regular.nodes) == (True, "up", 4)
    assert regular.time_limit is not None


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("IDLE", "idle"),
        ("IDLE+DRAIN", "drained"),
        ("MIXED+DRAIN", "draining"),
        ("IDLE+COMPLETING+DRAIN", "draining"),
        ("DOWN*", "down"),
        ("DOWN+DRAIN+NOT_RESPONDING", "down"),
        ("IDLE+PLANNED", "planned"),
        ("IDLE+MAINTENANCE+RESERVED", "maint"),
        ("ALLOCATED", "allocated"),
    ],
)
def test_states_of_nodes(words: str, state: str) -> None:
    assert node_state(words.split("+")) == state


def test_why_a_node_is_down() -> None:
    line = (
        "NodeName=n1 CPUAlloc=0 CPUTot=4 ActiveFeatures=(null) Gres=(null) RealMemory=1 State=DOWN*+DRAIN Partitions=a "
        "Reason=State=IDLE pump broken [root@2026-11-25T01:00:00]"
    )
    (node,) = parse_nodes(line)
    assert (node.state, node.reachable, node.reason, node.usable) == ("down", False, "State=IDLE pump broken", False)


def test_details_of_a_job_that_the_controller_knows(recorded: Recorded) -> None:
    details, raw = parse_job(recorded("job"), JobId("41"))
    assert details.directory == f"/cluster/home/{details.user}"
    assert details.stdout == details.stderr == f"{details.directory}/slurm-{raw}.out"
    assert details.command is None


def test_a_script_from_accounting() -> None:
    heading = "Batch Script for 9\n" + "-" * 80 + "\n"
    assert archived_script(heading + "#!/bin/sh\nexit 3\n\n") == "#!/bin/sh\nexit 3\n"
    assert archived_script(heading + "NONE\n") is None
    assert archived_script("") is None


def test_details_from_accounting() -> None:
    script = "#!/bin/sh\nexit 3\n"
    row = {"jobid": "9_2", "jobidraw": "11", "user": "u", "jobname": "n", "workdir": "/w", "nodelist": "nid1"}
    assert accounted_details(row, script).stdout == "/w/slurm-9_2.out"
    assert accounted_details(row, None).stdout is None
    asked = accounted_details(row, "#!/bin/sh\n#SBATCH -o out-%A-%3a.txt\n#SBATCH --error=/e/%j\nexit\n#SBATCH -o x\n")
    assert (asked.stdout, asked.stderr) == ("/w/out-9-002.txt", "/e/11")
    known = accounted_details({**row, "stdout": "/s/%u-%x.%j", "stderr": ""}, None)
    assert (known.stdout, known.stderr) == ("/s/u-n.11", "/s/u-n.11")
