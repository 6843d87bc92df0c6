"""The six programs, as scripts use them, and jobs as scripts see themselves."""

from typing import Any

import pytest

from superfacility.facility.errors import InvalidInput, NotPermitted, Refused
from superfacility.facility.jobs import JobId, JobScript, JobState
from superfacility.facility.people import ProjectName
from superfacility.testing.contracts.scheduler import DEMO1, DEMO2, new_intent
from superfacility.testing.schedulers import SACCT_COLUMNS


async def test_sbatch_submits_a_file_with_arguments(place: Any) -> None:
    scheduler = place.open()
    script = place.home / "job.sh"
    script.write_text(
        '#!/bin/bash\n#SBATCH -o out-%j -J mine\necho "$SLURM_JOB_NAME:$1:$2:$SLURM_CPUS_PER_TASK:$MINE"\n'
    )
    done = await place.program("sbatch", "-c", "2", "job.sh", "a b", "*", MINE="yes")
    assert (done.stdout, done.stderr, done.returncode) == ("Submitted batch job 1\n", "", 0)
    assert (await place.until(scheduler, "1")).state is JobState.COMPLETED
    assert (place.home / "out-1").read_text() == "mine:a b:*:2:yes\n"


async def test_sbatch_reads_standard_input_and_wraps(place: Any) -> None:
    scheduler = place.open()
    piped = await place.program("sbatch", "--parsable", "-o", "/dev/null", stdin="#!/bin/sh\nexit 3\n")
    wrapped = await place.program("sbatch", "--parsable", "-J", "w", "--wrap", "echo wrapped")
    assert (piped.stdout, wrapped.stdout) == ("1\n", "2\n")
    assert (await place.until(scheduler, "1")).exit_code == 3
    assert (await place.until(scheduler, "2")).name == "w"
    assert (place.home / "slurm-2.out").read_text() == "wrapped\n"


async def test_sbatch_waits_and_gives_the_job_s_exit_code(place: Any) -> None:
    place.open()
    assert (await place.program("sbatch", "--wait", "--wrap", "exit 4")).returncode == 4


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["--time=never"], "#!/bin/sh\n", "sbatch: error: Invalid --time specification\n"),
        (["-p", "gpu"], "#!/bin/sh\n", "sbatch: error: invalid partition specified: gpu\n"),
        (["missing.sh"], "", "sbatch: error: Unable to open file missing.sh\n"),
        (["--flux=1"], "#!/bin/sh\n", "sbatch: error: unrecognized option '--flux=1'\n"),
        ([], "echo\n", "sbatch: error: This does not look like a batch script."),
        (["-n", "99"], "#!/bin/sh\n", "sbatch: error: CPU count per node can not be satisfied\n"),
        (["-d", "afterok:99"], "#!/bin/sh\n", "sbatch: error: Batch job submission failed: Job dependency problem\n"),
    ],
)
async def test_sbatch_refuses(place: Any, words: list[str], stdin: str, said: str) -> None:
    place.open()
    done = await place.program("sbatch", *words, stdin=stdin)
    assert done.stderr.startswith(said)
    assert (done.stdout, done.returncode) == ("", 1)
    assert (await place.program("squeue", "-h")).stdout == ""


async def test_sbatch_warns_of_options_it_ignores(place: Any) -> None:
    place.open()
    done = await place.program("sbatch", stdin="#!/bin/sh\n#SBATCH --flux=1\n#SBATCH --mail-type=END\n")
    assert done.stdout == "Submitted batch job 1\n"
    assert done.stderr == "sbatch: warning: ignoring unknown option: --flux=1\n"


async def test_squeue_shows_and_filters(place: Any) -> None:
    scheduler = place.open(cores=1)
    await place.submit(scheduler, "sleep 600", "-J first")
    await place.submit(scheduler, "sleep 600", "-J second", "-a 3-4")
    await place.until(scheduler, "1", JobState.RUNNING)
    table = (await place.program("squeue")).stdout.splitlines()
    assert table[0].split() == ["JOBID", "PARTITION", "NAME", "USER", "ST", "TIME", "NODES", "NODELIST(REASON)"]
    assert [line.split()[0] for line in table[1:]] == ["1", "2_3", "2_4"]
    assert (await place.program("squeue", "-h", "-j", "2_3", "-o", "%i %T %j %r")).stdout in (
        "2_3 PENDING second Resources\n",
        "2_3 PENDING second None\n",
    )
    assert (await place.program("squeue", "--me", "-t", "R", "--noheader", "-o", "%A")).stdout == "1\n"
    assert (await place.program("squeue", "-u", "nobody", "-h")).stdout == ""
    header, *rows = (await place.program("squeue", "-o", "%all")).stdout.splitlines()
    assert len(header.split("|")) == len(rows[0].split("|")) == 52
    unknown = await place.program("squeue", "-j", "99")
    assert (unknown.returncode, unknown.stderr) == (1, "slurm_load_jobs error: Invalid job id specified\n")
    assert (await place.program("squeue", "-j", "99,1", "-h", "-o", "%i")).stdout == "1\n"


async def test_sacct_remembers(place: Any) -> None:
    scheduler = place.open()
    await place.until(scheduler, await place.submit(scheduler, "exit 2", "-J failing"))
    done = await place.program("sacct", "-X", "-P", "-n", "-j", "1", "--format=JobID,JobName%30,State,ExitCode,Elapsed")
    assert done.stdout.startswith("1|failing|FAILED|2:0|00:00:0")
    everything = (await place.program("sacct", "-P", "--format=ALL", "-S", "now", "-a")).stdout.splitlines()
    assert [each.lower() for each in everything[0].split("|")] == list(SACCT_COLUMNS)
    assert (await place.program("sacct", "-n", "-u", "demo2")).stdout == ""
    assert (await place.program("sacct", "-n", "-X", "-s", "F")).stdout.split()[:2] == ["1", "failing"]
    assert "Invalid field requested" in (await place.program("sacct", "-o", "moon")).stderr


async def test_scancel_ends_jobs(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "sleep 600", "-a 0-2")
    await place.submit(scheduler, "sleep 600", "-J named")
    stranger = await place.program("scancel", "4", USER="demo2")
    assert (stranger.returncode, stranger.stderr) == (
        1,
        "scancel: error: Kill job error on job id 4: Access/permission denied\n",
    )
    assert (await place.program("scancel", "1_[0-1]")).returncode == 0
    assert (await place.program("scancel", "-n", "named")).returncode == 0
    for job_id in ("1_0", "1_1", "4"):
        assert (await place.until(scheduler, job_id)).state is JobState.CANCELLED
    assert (await place.program("scancel", "-u", "demo1")).returncode == 0
    assert (await place.until(scheduler, "1_2")).state is JobState.CANCELLED
    unknown = await place.program("scancel", "99")
    assert "Invalid job id specified" in unknown.stderr
    assert (await place.program("scancel")).stderr == "scancel: error: No job identification provided\n"


async def test_scancel_signals(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "trap 'exit 5' USR1; echo 1 > ready; while :; do sleep 0.02; done")
    await place.read_pid("ready")
    assert (await place.program("scancel", "-s", "USR1", "1")).returncode == 0
    assert (await place.until(scheduler, "1")).exit_code == 5


async def test_scontrol_shows_holds_and_changes(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "exit 0", "--hold")
    shown = (await place.program("scontrol", "show", "job", "1")).stdout
    assert "JobId=1 JobName=sbatch" in shown
    assert "JobState=PENDING" in shown
    assert f"StdOut={place.home}/slurm-1.out" in shown
    assert (await place.program("scontrol", "update", "JobId=1", "TimeLimit=0:30")).returncode == 0
    assert "TimeLimit=0:30" in (await place.program("scontrol", "show", "job", "1")).stdout
    assert (await place.program("scontrol", "release", "1")).returncode == 0
    assert (await place.until(scheduler, "1")).state is JobState.COMPLETED
    assert (await place.program("scontrol", "show", "job", "9")).returncode == 1
    assert "PartitionName=regular Default=YES" in (await place.program("scontrol", "show", "partition")).stdout


async def test_a_reservation_beyond_the_calendar_hides_no_other(place: Any) -> None:
    scheduler = place.open(cores=4)
    for name, end in (("ever", "now+999999999weeks"), ("beam", "now+1hour")):
        words = ("create", "reservation", f"ReservationName={name}", f"EndTime={end}", "CoreCnt=1")
        assert (await place.program("scontrol", *words)).returncode == 0
    assert [(each.name, each.end.year == 9999) for each in await scheduler.reservations()] == [
        ("ever", True),
        ("beam", False),
    ]


async def test_scontrol_makes_reservations(place: Any) -> None:
    place.open()
    words = ("StartTime=now", "Duration=60", "Users=demo1", "CoreCnt=1")
    made = await place.program("scontrol", "create", "reservation", "ReservationName=beam", *words)
    assert made.stdout == "Reservation created: beam\n"
    assert "ReservationName=beam" in (await place.program("scontrol", "show", "reservation")).stdout
    denied = await place.program("sbatch", "--reservation=beam", "--wrap", "true", USER="demo2")
    assert "Access denied to requested reservation" in denied.stderr
    assert (await place.program("scontrol", "delete", "ReservationName=beam")).returncode == 0
    assert (await place.program("scontrol", "show", "res")).stdout == "No reservations in the system\n"


async def test_scontrol_shuts_the_daemon_down_and_jobs_go_on(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "until test -e go; do sleep 0.01; done")
    await place.until(scheduler, "1", JobState.RUNNING)
    (daemon,) = place.daemons()
    assert (place.state / "daemon.pid").read_text() == f"{daemon}\n"
    assert (await place.program("scontrol", "shutdown")).returncode == 0
    await place.eventually(lambda: not place.alive(daemon))
    (place.home / "go").touch()
    assert (await place.until(scheduler, "1")).state is JobState.COMPLETED
    assert (place.state / "daemon.log").read_text() == ""


async def test_sinfo_shows_partitions(place: Any) -> None:
    place.open(partitions={"regular": "1-00:00:00", "debug": 30})
    lines = (await place.program("sinfo", "-h", "-o", "%P %l %c %a %N")).stdout.splitlines()
    assert lines == ["regular* 1-00:00:00 2 up here", "debug 30:00 2 up here"]


async def test_a_job_chain_within_jobs(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, 'sbatch --parsable -d afterok:$SLURM_JOB_ID --wrap "squeue -h --me -o %A > seen"')
    assert (await place.until(scheduler, "1")).state is JobState.COMPLETED
    assert (await place.until(scheduler, "2")).state is JobState.COMPLETED
    assert (place.home / "seen").read_text() == "2\n"


async def test_a_dependency_that_cannot_hold_cancels(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "exit 1")
    await place.submit(scheduler, "touch ran", "-d afterok:1")
    job = await place.until(scheduler, "2")
    assert (job.state, job.columns["reason"]) == (JobState.CANCELLED, "DependencyNeverSatisfied")
    assert not (place.home / "ran").exists()


HOSTILE_NAMES = [
    "a'b",
    'a"b',
    "$(touch canary)",
    "`touch canary`",
    ";touch canary",
    "a|b",
    "%j",
    "../../up",
    "é日",
    "\x1b[31m",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_hostile_names_are_only_names(place: Any, name: str) -> None:
    scheduler = place.open()
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    await place.submit(scheduler, 'printf %s "$SLURM_JOB_NAME" > seen', f'-J "{quoted}"', "-o /dev/null")
    job = await place.until(scheduler, "1")
    assert (job.state, job.name, job.columns["jobname"]) == (JobState.COMPLETED, name, name)
    assert (place.home / "seen").read_text() == name
    assert not (place.home / "canary").exists()
    assert len((await place.program("sacct", "-n", "-P", "-j", "1", "-o", "state,jobname")).stdout.splitlines()) == 1


async def test_a_script_is_read_as_the_user_through_the_transport(place: Any) -> None:
    scheduler = place.open()
    place.transport.add_file(
        "/home/demo1/job.sh", b"#!/bin/sh\n#SBATCH -o out\necho \"$0 $1\" | sed 's/.*slurm_script//'\n"
    )
    script = JobScript(path="/home/demo1/job.sh", arguments=("one two",))
    job_id = await scheduler.submit(DEMO1, script, new_intent())
    job = await place.until(scheduler, job_id)
    assert (job.state, job.name) == (JobState.COMPLETED, "job.sh")
    assert (place.home / "out").read_text() == " one two\n"
    with pytest.raises(Refused, match=r"^sbatch: error: Unable to open file /home/demo1/none\n$"):
        await scheduler.submit(DEMO1, JobScript(path="/home/demo1/none"), new_intent())


async def test_a_text_that_was_read_keeps_the_name_of_its_path(place: Any) -> None:
    """And what lies there now is not looked at."""
    scheduler = place.open()
    text = "#!/bin/sh\n#SBATCH -o out\nprintf '%s \udcff\\n' \"$1\"\n"
    script = JobScript(text, "/home/demo1/none/job.sh", ("one two",), ProjectName("m0001"))
    job = await place.until(scheduler, await scheduler.submit(DEMO1, script, new_intent()))
    assert (job.state, job.name, job.project) == (JobState.COMPLETED, "job.sh", "m0001")
    assert (place.home / "out").read_bytes() == b"one two \xff\n"


async def test_arrays_have_their_own_output_and_environment(place: Any) -> None:
    scheduler = place.open()
    await place.submit(
        scheduler, 'echo "$SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT"', "-a 1-3:2%1"
    )
    for task in (1, 3):
        assert (await place.until(scheduler, f"1_{task}")).state is JobState.COMPLETED
        assert (place.home / f"slurm-1_{task}.out").read_text() == f"1 {task} 2\n"


async def test_error_output_and_appending(place: Any) -> None:
    scheduler = place.open()
    (place.home / "out").write_text("before\n")
    await place.submit(scheduler, "echo out; echo err >&2", "-o out", "-e err", "--open-mode=append")
    await place.until(scheduler, "1")
    assert (place.home / "out").read_text() == "before\nout\n"
    assert (place.home / "err").read_text() == "err\n"


async def test_the_work_directory(place: Any) -> None:
    scheduler = place.open()
    (place.home / "work").mkdir()
    await place.submit(scheduler, "pwd", "-D work", "-o out")
    await place.submit(scheduler, "pwd", "-D gone", f"-o {place.home}/gone.out")
    await place.until(scheduler, "1")
    await place.until(scheduler, "2")
    assert (place.home / "work" / "out").read_text() == f"{place.home}/work\n"
    assert (place.home / "gone.out").read_text().endswith("going to /tmp instead\n/tmp\n")


async def test_only_known_options_open_a_scheduler(place: Any) -> None:
    with pytest.raises(InvalidInput, match="kores"):
        place.open(kores=4)


async def test_strangers_cannot_cancel_an_element(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "sleep 600", "-a 0-1")
    with pytest.raises(NotPermitted):
        await scheduler.cancel(DEMO2, JobId("1_0"))


async def test_scontrol_requeues_and_changes(place: Any) -> None:
    scheduler = place.open(qos=["normal", "debug"], partitions={"regular": "1:00:00"})
    job_id = await place.submit(scheduler, "echo run >> runs; exec sleep 600")
    await place.eventually(lambda: (place.home / "runs").exists())
    assert (await place.program("scontrol", "requeue", job_id)).returncode == 0
    await place.eventually(lambda: (place.home / "runs").read_text() == "run\nrun\n")
    assert "Restarts=1" in (await place.program("scontrol", "show", "job", job_id)).stdout
    refused = await place.program("scontrol", "update", f"jobid={job_id}", "qos=debug")
    assert "no longer pending" in refused.stderr
    longer = await place.program("scontrol", "update", f"jobid={job_id}", "timelimit=2:00:00")
    assert "exceeds some limit" in longer.stderr
    await place.program("scancel", job_id)
    assert (await place.until(scheduler, job_id)).state is JobState.CANCELLED
    gone = await place.program("scontrol", "requeue", job_id)
    assert "submit it again" in gone.stderr


async def test_a_running_job_ends_at_its_shortened_limit(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "exec sleep 600", "--time=10")
    await place.until(scheduler, job_id, JobState.RUNNING)
    assert (await place.program("scontrol", "update", f"jobid={job_id}", "timelimit=0:01")).returncode == 0
    assert (await place.until(scheduler, job_id)).state is JobState.TIMEOUT
    late = await place.program("scontrol", "update", f"jobid={job_id}", "timelimit=1:00")
    assert "already completing or completed" in late.stderr


async def test_scontrol_changes_a_reservation(place: Any) -> None:
    scheduler = place.open()
    made = ("create", "reservation", "reservationname=r", "starttime=now+1hour", "duration=60", "users=demo1")
    await place.program("scontrol", *made)
    changed = await place.program("scontrol", "update", "reservationname=r", "users=demo1,demo2", "corecnt=1")
    assert changed.stdout == "Reservation updated.\n"
    (found,) = await scheduler.reservations()
    assert (found.users, found.cores) == (("demo1", "demo2"), 1)
    assert "is invalid: x" in (await place.program("scontrol", "update", "reservationname=x", "users=demo1")).stderr
