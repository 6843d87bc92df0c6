"""The files of one job: how few commands they cost, and that no text of a person's makes them lie.

The shell is a real one; Slurm's programs are small scripts that say what real ones said.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import NotFound, Unavailable
from superfacility.facility.jobs import Job, JobId
from superfacility.facility.people import User
from superfacility.facility.site import Site
from superfacility.testing.schedulers import named
from superfacility.testing.transports import MemoryTransport

Recorded = Callable[[str], str]
ALICE = named("alice", 1001)
SITE = Site("perlmutter", lambda user: "/home", ("/home",), Path("/state"), Path("/bin"))
SCRIPT = "#!/bin/sh\n#SBATCH --time=5\n\nsleep 600\n\n"
PROGRAM = """#!/bin/sh
said={folder}
name=$(basename "$0")
echo "$name $*" | tr -c 'a-z_0-9=:. \\n-' ' ' >>"$said/log"
case "$name $*" in
  *"show config"*) file=configuration ;;
  *"show job"*) file=job ;;
  *"batch_script"*) file=written; printf '%s' "$4" >"$said/raw" ;;
  *"--helpformat"*) file=helpformat ;;
  *"--batch-script"*) file=kept ;;
  sacct*) file=row ;;
  *) file=squeue ;;
esac
if [ -e "$said/$file.fails" ]; then cat "$said/$file.fails" >&2; exit 1; fi
key=$(printf '%s' "$*" | tr '\\037' '\\n' | tail -n 1 | cut -c 1-8)
case $file in row) key=$(printf '%s' "$*" | tr '\\037' '\\n' | sed -n 2p | cut -c 1-8) ;; esac
sed "s/\\x1frecorded/\\x1f$key/g" "$said/$file"
"""
FORGED = """JobId={raw} JobName=innocent
   UserId=mallory(0) GroupId=root(0) MCS_label=N/A
   UserId=alice(20001) GroupId=alice(20001) MCS_label=N/A
   Command=/real
   WorkDir=/cluster/home/alice
   Comment=x
   Command=/forged
   WorkDir=/forged
   StdErr=/cluster/home/alice/slurm.out
   StdIn=/dev/null
   StdOut=/cluster/home/alice/slurm.out
"""
ARCHIVED = """Batch Script for 9_2
--------------------------------------------------------------------------------
#!/bin/sh
#SBATCH -o out-%A-%a.txt
exit

"""
_M = "\x1frecorded"


class Slurm:
    """A folder of programs and of what they say, behind a transport that runs its commands here and loses all but the
    `kept` share of what they print."""

    def __init__(self, folder: Path, recorded: Recorded) -> None:
        self.folder = folder
        self.kept = 1.0
        self.commands: list[tuple[str, tuple[str, ...]]] = []
        (folder / "bin").mkdir()
        for program in ("scontrol", "squeue", "sacct"):
            path = folder / "bin" / program
            path.write_text(PROGRAM.format(folder=folder))
            path.chmod(0o755)
        for name in ("configuration", "helpformat", "squeue"):
            self.says(name, recorded(name))
        self.says("written", SCRIPT)
        self.says("kept", ARCHIVED)

    def says(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def fails(self, name: str, words: str) -> None:
        (self.folder / f"{name}.fails").write_text(words)

    @property
    def asked(self) -> list[str]:
        """Every call of a program, of `details` alone."""
        lines = (self.folder / "log").read_text().splitlines()
        return [line for line in lines if "config" not in line and "helpformat" not in line]

    async def run(self, user: User, command: Command, on_output: object = None) -> CommandResult:
        self.commands.append((user.name, command.arguments))
        environment = {**os.environ, **command.environment, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        process = await asyncio.create_subprocess_exec(
            *command.arguments,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await process.communicate()
        return CommandResult(process.returncode or 0, stdout[: int(self.kept * len(stdout))], stderr)

    def open(self, **options: object) -> SlurmScheduler:
        transport = MemoryTransport()
        transport.run = self.run  # type: ignore[method-assign]
        return SlurmScheduler.open(SITE, {"account": "sfgate", **options}, transport)


@pytest.fixture
def slurm(tmp_path: Path, recorded: Recorded) -> Slurm:
    return Slurm(tmp_path, recorded)


async def a_job(scheduler: SlurmScheduler, slurm: Slurm) -> Job:
    """One whose command is a path; what the controller shows of it is forged."""
    job = next(each for each in (await scheduler.queue()).jobs if each.columns["command"].startswith("/"))
    slurm.says("job", FORGED.format(raw=job.columns["jobid"]))
    (slurm.folder / "log").unlink()
    slurm.commands.clear()
    return job


def forget(slurm: Slurm, *, row: str) -> None:
    """The controller knows no such job any more; accounting has the row."""
    slurm.fails("job", "slurm_load_jobs error: Invalid job id specified\n")
    fields = ["JobID", "JobIDRaw", "User", "JobName", "WorkDir", "NodeList"]
    known = (slurm.folder / "helpformat").read_text().lower().split()
    extra = [each for each in ("StdOut", "StdErr") if each.lower() in known]
    values = row.split("|") + [""] * len(extra)
    slurm.says("row", "".join(f"{each}{_M}" for each in [*fields, *extra]) + "\n")
    with (slurm.folder / "row").open("a") as file:
        file.write("".join(f"{each}{_M}" for each in values) + "\n")


async def test_one_command_as_the_caller_asks_for_all_of_it(slurm: Slurm) -> None:
    scheduler = slurm.open()
    job = await a_job(scheduler, slurm)
    details = await scheduler.details(ALICE, job.id)
    assert details.script == SCRIPT
    assert [user for user, _ in slurm.commands] == ["alice"]
    assert [line.split()[0] for line in slurm.asked] == ["scontrol", "squeue", "scontrol"]
    assert (slurm.folder / "raw").read_text() == job.columns["jobid"]


async def test_what_the_last_reading_had_is_not_asked_again(slurm: Slurm) -> None:
    scheduler = slurm.open()
    job = await a_job(scheduler, slurm)
    details = await scheduler.details(ALICE, job.id, listed=job, script=False)
    assert len(slurm.asked) == 1
    assert "show job" in slurm.asked[0]
    assert (details.user, details.command, details.script) == (job.user, job.columns["command"], None)
    assert details.stdout == "/cluster/home/alice/slurm.out"
    assert (await scheduler.details(ALICE, job.id, listed=job)).script == SCRIPT
    assert len(slurm.asked) == 3


@pytest.mark.parametrize("known", [True, False])
async def test_no_name_or_comment_makes_the_details_of_a_job_lie(slurm: Slurm, known: bool) -> None:
    """Lines in them look like Slurm's own; whose job it is, what it runs and where is squeue's word."""
    scheduler = slurm.open()
    job = await a_job(scheduler, slurm)
    details = await scheduler.details(ALICE, job.id, listed=job if known else None)
    assert (details.user, details.command, details.directory) == (
        job.user,
        job.columns["command"],
        job.columns["work_dir"],
    )
    assert details.stdout == "/cluster/home/alice/slurm.out"
    assert any(line.startswith("squeue") for line in slurm.asked) is not known


async def test_a_script_that_is_not_for_the_caller_is_none(slurm: Slurm) -> None:
    scheduler = slurm.open()
    job = await a_job(scheduler, slurm)
    slurm.fails("written", "scontrol: error: job script retrieval failed: Access/permission denied\n")
    details = await scheduler.details(ALICE, job.id)
    assert (details.stdout, details.script) == ("/cluster/home/alice/slurm.out", None)


async def test_a_job_that_the_controller_has_forgotten_is_asked_of_accounting(slurm: Slurm) -> None:
    forget(slurm, row="9_2|11|alice|sbatch|/home/alice|nid1")
    details = await slurm.open().details(ALICE, JobId("9"))
    assert (details.id, details.user, details.directory) == ("9_2", "alice", "/home/alice")
    assert details.stdout == "/home/alice/out-9-2.txt"
    assert details.script == "#!/bin/sh\n#SBATCH -o out-%A-%a.txt\nexit\n"
    assert [line.split()[0] for line in slurm.asked] == ["scontrol", "sacct", "sacct"]
    assert "--jobs=9_2" in slurm.asked[-1]
    asked_of_accounting = [command for _, command in slurm.commands if "--allusers" in command]
    assert len(asked_of_accounting) == 1


async def test_a_job_that_the_controller_forgets_meanwhile_is_asked_of_accounting(slurm: Slurm) -> None:
    forget(slurm, row="60000000|60000000|alice|sbatch|/home/alice|nid1")
    (slurm.folder / "job.fails").unlink()
    slurm.says("job", FORGED.format(raw="60000000"))
    assert (await slurm.open().details(ALICE, JobId("60000000"))).directory == "/home/alice"


async def test_a_job_that_nobody_knows_is_not_found(slurm: Slurm) -> None:
    forget(slurm, row="1|1|alice|sbatch|/home/alice|nid1")
    header = (slurm.folder / "row").read_text().partition("\n")[0]
    slurm.says("row", f"{header}\n")
    with pytest.raises(NotFound):
        await slurm.open().details(ALICE, JobId("9"))


@pytest.mark.parametrize("program", ["job", "squeue", "row"])
async def test_a_question_that_fails_says_nothing_about_the_job(slurm: Slurm, program: str) -> None:
    scheduler = slurm.open()
    job = await a_job(scheduler, slurm)
    if program == "row":
        forget(slurm, row="1|1|alice|sbatch|/home/alice|nid1")
    slurm.fails(program, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")
    with pytest.raises(Unavailable, match="connect failure"):
        await scheduler.details(ALICE, job.id)


async def test_a_program_that_is_not_there_is_named(slurm: Slurm) -> None:
    """Although the shell that tells of it is ours."""
    scheduler = slurm.open()
    job = await a_job(scheduler, slurm)
    (slurm.folder / "bin" / "scontrol").unlink()
    missing = slurm.open(bin=str(slurm.folder / "bin"))
    with pytest.raises(Unavailable, match="there is no program 'scontrol' on the system"):
        await missing.details(ALICE, job.id, listed=job)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
async def test_an_answer_of_which_a_part_is_missing_is_none(slurm: Slurm, share: float) -> None:
    scheduler = slurm.open()
    job = await a_job(scheduler, slurm)
    await scheduler.capabilities()
    slurm.kept = share
    with pytest.raises(Unavailable):
        await scheduler.details(ALICE, job.id)
