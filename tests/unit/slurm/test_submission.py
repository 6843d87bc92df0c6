"""The command that submits, and what sbatch's answer means."""

import getpass
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superfacility.adapters.slurm.acting.evidence import Evidence
from superfacility.adapters.slurm.acting.submission import accepted_job, submit_command, submitted_job, sweep_command
from superfacility.adapters.slurm.carrier import carries, shown_command, without_carrier
from superfacility.adapters.slurm.options import Options, read_options
from superfacility.adapters.slurm.reading.lookup import find_in_accounting, find_in_queue
from superfacility.adapters.slurm.reading.tables import Marks
from superfacility.facility.commands import CommandResult
from superfacility.facility.errors import Doubtful, FacilityError, InvalidInput, Refused, Unavailable
from superfacility.facility.jobs import Intent, JobId, JobScript
from superfacility.facility.people import ProjectName, UserName
from superfacility.testing.clocks import FakeClock

INTENT = Intent(UUID("6f1f7a4e-0b57-4a3f-9c55-0123456789ab"))
CARRIER = f"/tmp/sfapi.{INTENT}.4711"
TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
SBATCH = """#!/bin/sh
printf '%s\\0' "$@" >"$SEEN/arguments"
cat "$2" >"$SEEN/script"
echo 7
"""


class Ran:
    """The command run here, with an sbatch that keeps what it was given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sbatch = folder / "sbatch"
        self.sbatch.write_text(SBATCH)
        self.sbatch.chmod(0o755)

    def __call__(self, script: JobScript, *, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        options = Options(UserName("sfgate"), spool=str(self.folder))
        command = submit_command(options, str(self.sbatch), script, INTENT, 4711)
        environment = {"PATH": "/usr/bin:/bin", "SEEN": str(self.folder)}
        given_text = command.stdin if stdin is None else stdin
        return subprocess.run(
            command.arguments, input=given_text, env=environment, cwd=self.folder, capture_output=True, check=False
        )

    @property
    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_bytes().decode().split("\0")[:-1]

    @property
    def left_over(self) -> list[Path]:
        return list(self.folder.glob("sfapi.*"))


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    return Ran(tmp_path)


def test_a_text_is_handed_over_as_it_is_under_a_name_that_carries_the_intent(ran: Ran) -> None:
    text = "#!/bin/sh\n#SBATCH --comment='mine'\necho '$(touch canary)' `touch canary`\n\x01\xff"
    assert ran(JobScript(text)).stdout == b"7\n0\n"
    assert (ran.folder / "script").read_text() == text
    flag, path = ran.arguments
    assert flag == "--parsable"
    assert carries(path, INTENT)
    assert path.endswith("/sbatch")
    assert ran.left_over == []
    assert not (ran.folder / "canary").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.95, 0.98, 0.99, 0.999])
def test_a_text_that_does_not_arrive_whole_is_not_submitted(ran: Ran, share: float) -> None:
    script = JobScript("#!/bin/sh\n" + "rm -rf scratch/old\n" * 100)
    sent = submit_command(Options(UserName("sfgate"), spool=str(ran.folder)), "sbatch", script, INTENT, 4711).stdin
    done = ran(script, stdin=sent[: int(len(sent) * share)])
    assert not (ran.folder / "arguments").exists()
    assert ran.left_over == []
    with pytest.raises(Doubtful):
        submitted_job("perlmutter", CommandResult(done.returncode, done.stdout, done.stderr))


@pytest.mark.parametrize("project", ["m0001", "m'1; touch canary", "$(touch canary)"])
def test_a_project_is_an_option_of_sbatch_and_so_above_the_scripts_own(ran: Ran, project: str) -> None:
    ran(JobScript("#!/bin/sh\n#SBATCH --account=other\n", project=ProjectName(project)))
    assert ran.arguments[:2] == ["--parsable", f"--account={project}"]
    assert not (ran.folder / "canary").exists()


def test_a_text_that_cannot_be_kept_is_not_submitted(ran: Ran) -> None:
    (ran.folder / f"sfapi.{INTENT}.4711").write_text("in the way")
    done = ran(JobScript("#!/bin/sh\n"))
    assert done.returncode == 75
    assert not (ran.folder / "arguments").exists()
    with pytest.raises(Unavailable):
        submitted_job("perlmutter", CommandResult(done.returncode, done.stdout, done.stderr))


def test_a_text_with_a_nul_arrives_so_that_sbatch_can_refuse_it(ran: Ran) -> None:
    text = "#!/bin/sh\n# \\0 \\n '%s' \0 after\n"
    ran(JobScript(text))
    assert (ran.folder / "script").read_text() == text


def test_a_large_text_arrives_whole(ran: Ran) -> None:
    text = "#!/bin/sh\n" + "echo 'a long line' \\ é\n" * 40_000
    ran(JobScript(text))
    assert (ran.folder / "script").read_text() == text


def test_the_text_is_for_nobody_else(ran: Ran) -> None:
    """Neither in the list of processes nor in a file that others can reach."""
    ran.sbatch.write_text(SBATCH + """stat -c %a "${2%/*}" >"$SEEN/mode"; umask >"$SEEN/umask"\n""")
    command = submit_command(Options(UserName("sfgate")), "sbatch", JobScript("#!/bin/sh\nsecret\n"), INTENT, 1)
    assert not any("secret" in word for word in command.arguments)
    ran(JobScript("#!/bin/sh\n"))
    assert (ran.folder / "mode").read_text() == "700\n"
    assert int((ran.folder / "umask").read_text(), 8) == os.umask(os.umask(0o22))


def test_the_sites_variables_reach_sbatch(ran: Ran) -> None:
    ran.sbatch.write_text("""#!/bin/sh\nprintf %s "$SLURM_CONF" >"$SEEN/conf"\n""")
    options = Options(
        UserName("sfgate"), environment={"SLURM_CONF": "/etc/it's $HOME", "a.b": "1"}, spool=str(ran.folder)
    )
    command = submit_command(options, str(ran.sbatch), JobScript("#!/bin/sh\n"), INTENT, 1)
    variables = {"PATH": "/usr/bin:/bin", "SEEN": str(ran.folder)}
    subprocess.run(command.arguments, input=command.stdin, env=variables, capture_output=True, check=False)
    assert (ran.folder / "conf").read_text() == "/etc/it's $HOME"
    assert command.environment == {"a.b": "1"}


@pytest.mark.parametrize(("days", "left"), [(0, True), (2, False)])
def test_what_killed_submissions_left_is_swept_after_a_day(ran: Ran, days: int, left: bool) -> None:
    folder = ran.folder / f"sfapi.{INTENT}.4711"
    folder.mkdir()
    (ran.folder / "sfapi.mine").mkdir()
    for each in (folder, ran.folder / "sfapi.mine"):
        then = time.time() - days * 86400 - 60
        os.utime(each, (then, then))
    command = sweep_command(Options(UserName("sfgate"), spool=str(ran.folder)), UserName(getpass.getuser()))
    subprocess.run(command.arguments, check=True)
    assert folder.exists() == left
    assert (ran.folder / "sfapi.mine").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(arguments=st.lists(TEXT, max_size=4), name=TEXT)
def test_paths_and_arguments_are_never_options_or_commands(ran: Ran, arguments: list[str], name: str) -> None:
    """Goal S7: whatever they hold, each stays one argument behind a path that begins with a slash."""
    path = f"-{name}"
    assert ran(JobScript(path=path, arguments=tuple(arguments))).stdout == b"7\n0\n"
    flag, script, *rest = ran.arguments
    assert flag == "--parsable"
    assert without_carrier(script) == f"{ran.folder}/{path}"
    assert rest == arguments
    assert ran.left_over == []


def test_a_script_by_path_is_read_where_it_is(ran: Ran) -> None:
    (ran.folder / "job.sh").write_text("#!/bin/sh\n")
    for path in ("job.sh", str(ran.folder / "job.sh")):
        ran(JobScript(path=path, arguments=("--time=99", "b c")))
        assert (ran.folder / "script").read_text() == "#!/bin/sh\n"
        assert ran.arguments[1].endswith(f"{ran.folder}/job.sh")
        assert ran.arguments[2:] == ["--time=99", "b c"]


def test_a_text_that_was_read_is_handed_over_under_the_path_that_it_had(ran: Ran) -> None:
    (ran.folder / "job.sh").write_text("changed since")
    text = "#!/bin/sh\necho \udcff $HOME '%s'\n"
    path = f"{ran.folder}/it's $(touch canary)/../job.sh"
    assert ran(JobScript(text, path, ("--time=99", "b c"), ProjectName("m0001"))).stdout == b"7\n0\n"
    _, _, script, *rest = ran.arguments
    assert carries(script, INTENT)
    assert without_carrier(script) == f"{ran.folder}/job.sh"
    assert rest == ["--time=99", "b c"]
    assert ran.left_over == []
    assert not (ran.folder / "canary").exists()
    assert (ran.folder / "job.sh").read_text() == "changed since"


@pytest.mark.parametrize("path", ["/../../../escaped", "../../escaped", "//escaped", "/a/../../escaped/"])
def test_no_path_leads_a_text_out_of_its_folder(ran: Ran, path: str) -> None:
    ran.sbatch.write_text("""#!/bin/sh\nprintf %s "$2" >"$SEEN/script"\nfind "$SEEN" -name escaped >"$SEEN/found"\n""")
    ran(JobScript("#!/bin/sh\n", path))
    inside = (ran.folder / "script").read_text()
    assert inside.startswith(f"{ran.folder}/sfapi.{INTENT}.4711/")
    assert (ran.folder / "found").read_text() == f"{inside}\n"


@pytest.mark.parametrize("stdout", [b"7\n0\n", b"7;perlmutter\n0\n", b"Welcome!\n\n7\n0\n"])
def test_an_id(stdout: bytes) -> None:
    assert submitted_job("perlmutter", CommandResult(0, stdout, b"sbatch: warning: x\n")) == JobId("7")


def test_an_id_is_known_when_sbatch_has_ended_well() -> None:
    for known in (b"7\n0\n", b"7;perlmutter\n0\n", b"Welcome!\n7\n0\n"):
        assert accepted_job(known) == JobId("7")
    for unknown in (b"", b"7\n", b"7\n0", b"7\n1\n", b"7\n10\n", b"0\n", b"\n0\n", b"x\n0\n"):
        assert accepted_job(unknown) is None


REFUSED = [
    "sbatch: error: Batch job submission failed: Invalid qos specification\n",
    "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates policy\n",
    "sbatch: error: This does not look like a batch script.\n",
    "sbatch: fatal: Unable to process configuration\n",
    "sbatch: error: Unable to open file /home/alice/slurmdbd.sh\n",
]
DOUBTFUL = [
    "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n",
    "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received\n",
    "sbatch: error: Batch job submission failed: Unable to contact slurm controller (receive failure)\n",
    "sbatch: error: Batch job submission failed: Protocol authentication error\n",
    "",
    "Killed\n",
    "\x00\x01garbage",
]
NOT_SENT = [
    "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
    "sbatch: fatal: Could not establish a configuration source\n",
]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        *((words, Refused) for words in REFUSED),
        *((words, Doubtful) for words in DOUBTFUL),
        *((words, Unavailable) for words in NOT_SENT),
    ],
)
def test_what_sbatch_says(words: str, error: type[FacilityError]) -> None:
    with pytest.raises(error) as caught:
        submitted_job("perlmutter", CommandResult(0, b"1\n", words.encode()))
    if error is Refused:
        assert caught.value.args == (words,)


@pytest.mark.parametrize(
    "result",
    [
        CommandResult(143, b"", b"", timed_out=True),
        CommandResult(0, b"", b""),
        CommandResult(0, b"accepted\n0\n", b""),
        CommandResult(0, b"7\n", b""),
        CommandResult(137, b"7\n", b""),
        CommandResult(0, b"137\n", b"sbatch: error: Batch job submission failed: Invalid qos specification\n"),
    ],
)
def test_what_is_not_clear_is_doubtful(result: CommandResult) -> None:
    with pytest.raises(Doubtful):
        submitted_job("perlmutter", result)


def test_an_option_that_sbatch_does_not_understand_is_a_refusal() -> None:
    words = "sbatch: error: Invalid --time specification\n"
    with pytest.raises(Refused):
        submitted_job("perlmutter", CommandResult(0, b"255\n", words.encode()))


def test_refusals_name_the_users_own_path() -> None:
    words = f"sbatch: error: Unable to open file {CARRIER}/home/alice/no.sh\n"
    with pytest.raises(Refused) as refusal:
        submitted_job("perlmutter", CommandResult(0, b"1\n", words.encode()))
    assert refusal.value.words == "sbatch: error: Unable to open file /home/alice/no.sh\n"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (f"{CARRIER}/sbatch", "(null)"),
        (f"{CARRIER}/home/alice/run.sh a b", "/home/alice/run.sh a b"),
        ("/home/alice/run.sh", "/home/alice/run.sh"),
        ("(null)", "(null)"),
    ],
)
def test_commands_as_users_know_them(command: str, shown: str) -> None:
    assert shown_command(command) == shown


def test_the_job_that_carries_the_intent_is_found() -> None:
    marks = Marks()
    end = marks.column
    other = CARRIER.replace("6f1f", "7f1f")
    queue = f"JOBID{end}COMMAND{end}\n9_[3-4]{end}{other}/sbatch{end}\n8_2{end}{CARRIER}/sbatch{end}\n"
    assert find_in_queue(queue, marks, INTENT) == "8"
    line = f"JobID{end}SubmitLine{end}\n5+1{end}sbatch x{end}\n6+0{end}sbatch --parsable {CARRIER}/home/x.sh{end}\n"
    assert find_in_accounting(line, marks, INTENT) == "6"
    assert find_in_accounting(f"JobID{end}SubmitLine{end}\n", marks, INTENT) is None


@pytest.fixture
def evidence() -> Callable[[], tuple[Evidence, FakeClock]]:
    def make() -> tuple[Evidence, FakeClock]:
        clock = FakeClock()
        return Evidence(10.0, clock), clock

    return make


def test_one_empty_answer_proves_nothing(evidence: Callable[[], tuple[Evidence, FakeClock]]) -> None:
    seen, clock = evidence()
    since = clock.now()
    assert not seen.absent(INTENT, since, None)
    clock.advance(timedelta(seconds=9))
    assert not seen.absent(INTENT, since, None)
    clock.advance(timedelta(seconds=1))
    assert seen.absent(INTENT, since, None)


def test_an_attempt_or_a_failed_look_begins_the_wait_anew(evidence: Callable[[], tuple[Evidence, FakeClock]]) -> None:
    seen, clock = evidence()
    since = clock.now()
    seen.absent(INTENT, since, None)
    clock.advance(timedelta(seconds=11))
    seen.begin_again(INTENT)
    assert not seen.absent(INTENT, since, None)


def test_without_accounting_what_was_forgotten_is_never_certain(
    evidence: Callable[[], tuple[Evidence, FakeClock]],
) -> None:
    seen, clock = evidence()
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for _ in range(3):
        assert not seen.absent(INTENT, long_ago, 300)
        clock.advance(timedelta(seconds=11))
    seen.begin_again(INTENT)
    since = clock.now()
    assert not seen.absent(INTENT, since, 300)
    clock.advance(timedelta(seconds=11))
    assert seen.absent(INTENT, since, 300)


def test_options() -> None:
    read = read_options("perlmutter", {"account": "sfgate", "clusters": "perlmutter", "accounting_lag_seconds": 3})
    assert (read.account, read.cluster, read.accounting_lag) == ("sfgate", "perlmutter", 3.0)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, "account"),
        ({"account": "-x"}, "account"),
        ({"account": "a", "colour": "red"}, "colour"),
        ({"account": "a", "clusters": "one,two"}, "system of its own"),
        ({"account": "a", "bin": "usr/bin"}, "absolute"),
        ({"account": "a", "environment": {"SLURM_CONF": 1}}, "environment"),
        ({"account": "a", "read_seconds": True}, "seconds"),
        ({"account": "a", "array_limit": -1}, "array_limit"),
    ],
)
def test_options_that_are_wrong_are_named(options: dict[str, object], word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        read_options("perlmutter", options)


def test_a_path_that_no_system_can_have_is_refused_before_anything_is_sent() -> None:
    options = Options(UserName("sfgate"))
    for text in (None, "#!/bin/sh\n"):
        script = JobScript(text, "/" + "x" * 4090)
        with pytest.raises(Refused, match="its path is too long"):
            submit_command(options, "sbatch", script, INTENT, 1)
    assert submit_command(options, "sbatch", JobScript(None, "/" + "x" * 2000), INTENT, 1)
