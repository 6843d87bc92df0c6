"""Reading what a job asks for: `#SBATCH` lines, times, arrays, dependencies. Hostile text is refused, and no more."""

import shlex
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from superfacility.adapters.embedded.configuration import Configuration, read_options
from superfacility.adapters.embedded.request.arrays import parse_array
from superfacility.adapters.embedded.request.dependencies import Dependency, parse_dependencies
from superfacility.adapters.embedded.request.directives import (
    check_script,
    read_directives,
)
from superfacility.adapters.embedded.request.options import read_options as read_words
from superfacility.adapters.embedded.request.refusal import Refusal
from superfacility.adapters.embedded.request.request import JobRequest, read_request
from superfacility.adapters.embedded.request.times import clock_text, long_clock_text, parse_duration, parse_moment
from superfacility.facility.batch.lines import directive_lines, split_words

SYSTEM = Configuration(
    cluster="here",
    cores=8,
    partitions={"regular": 86400, "debug": 1800},
    qos=("regular", "debug"),
    default_qos="regular",
    accounts=("m0001",),
    constraints=("cpu",),
)


def request_of(*lines: str, system: Configuration = SYSTEM) -> JobRequest:
    script = "#!/bin/sh\n" + "".join(f"#SBATCH {line}\n" for line in lines) + "true\n"
    return read_request(read_directives(script).values, "job.sh", system, 0.0)[0]


def refusal_of(*lines: str) -> str:
    with pytest.raises(Refusal) as refusal:
        request_of(*lines)
    return refusal.value.words


def test_every_honoured_option_long_and_short() -> None:
    long = request_of(
        "--job-name=scan", "--output=o-%j", "--error=e-%j", "--time=10", "--chdir=/data", "--ntasks=2",
        "--cpus-per-task=3", "--nodes=1", "--partition=debug", "--qos=debug", "--account=m0001", "--constraint=cpu",
        "--array=0-4%2", "--dependency=afterok:7", "--mem=4G", "--open-mode=append", "--comment=why", "--begin=now+60",
    )  # fmt: skip
    short = request_of(
        "-J scan", "-o o-%j", "-e e-%j", "-t 10", "-D /data", "-n 2", "-c 3", "-N 1", "-p debug", "-q debug",
        "-A m0001", "-C cpu", "-a 0-4%2", "-d afterok:7", "--mem 4096M", "--open-mode a", "--comment why", "-b now+60",
    )  # fmt: skip
    assert long == short
    assert (long.cpus, long.time_limit, long.memory, long.array_count, long.array_limit) == (6, 600, 4096, 5, 2)
    assert (long.append, long.begin, long.dependency) == (True, 60.0, "afterok:7")


def test_defaults_come_from_the_system() -> None:
    request = request_of()
    assert (request.name, request.partition, request.qos, request.cpus) == ("job.sh", "regular", "regular", 1)
    assert (request.time_limit, request.limit_given) == (86400, False)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--time=soon", "sbatch: error: Invalid --time specification"),
        ("--time=2-00:00:00", "Requested time limit is invalid"),
        ("--partition=gpu", "sbatch: error: invalid partition specified: gpu"),
        ("--qos=premium", "sbatch: error: Batch job submission failed: Invalid qos specification"),
        ("--account=m9999", "Invalid account or account/partition combination specified"),
        ("--constraint=gpu", "Invalid feature specification"),
        ("--ntasks=none", 'sbatch: error: Invalid numeric value "none" for number of tasks.'),
        ("--cpus-per-task=0", "Invalid numeric value"),
        ("--nodes=2", "Requested node configuration is not available"),
        ("--nodes=x", "invalid number of nodes (-N x)"),
        ("--ntasks=9", "CPU count per node can not be satisfied"),
        ("--mem=lots", "Invalid --mem specification"),
        ("--array=5-1", "Invalid job array specification"),
        ("--array=0-2000", "Invalid job array specification"),
        ("--dependency=after", "Job dependency problem"),
        ("--open-mode=x", "Invalid --open-mode specification"),
        ("--begin=whenever", "Invalid --begin specification"),
        ("--job-name='open", "no closing quote"),
        ("--time", "option '--time' requires an argument"),
    ],
)
def test_malformed_values_are_refused_in_slurm_s_words(line: str, words: str) -> None:
    assert words in refusal_of(line)


def test_unknown_options_are_kept_and_not_fatal() -> None:
    options = read_directives("#!/bin/sh\n#SBATCH --quantum=7\n#SBATCH --flux on -J x\n")
    assert options.unknown == ["--quantum=7", "--flux on"]
    assert options.values == {"job-name": "x"}


def test_directives_end_at_the_first_command() -> None:
    text = "#!/bin/sh\n\n# a comment\n#SBATCH -J one\n  \n#SBATCHER -J no\n #SBATCH -J no\necho\n#SBATCH -J two\n"
    assert [number for number, _ in directive_lines(text)] == [4]
    assert read_directives(text).values == {"job-name": "one"}


def test_the_command_line_stops_at_the_script() -> None:
    options = read_words(["-N1", "-n", "2", "--parsable", "-HQ", "job.sh", "-n", "4"])
    assert options.values == {"nodes": "1", "ntasks": "2", "parsable": "", "hold": "", "quiet": ""}
    assert options.rest == ["job.sh", "-n", "4"]


@pytest.mark.parametrize("text", ["", " \n", "echo hi\n", "#!/bin/sh\n\0", "#!/bin/sh\r\necho\r\n"])
def test_what_is_no_script_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match=r"^sbatch: error: "):
        check_script(text)


def read_or_refused(text: str) -> bool:
    """A request, or words of refusal; any other exception is a defect."""
    try:
        request, _ = read_request(read_directives("#!/bin/sh\n" + text).values, "x", SYSTEM, 0.0)
    except Refusal as refusal:
        return refusal.words.startswith("sbatch: error: ")
    return isinstance(request, JobRequest)


@given(st.text())
@example("#SBATCH -J '$(touch canary)'")
@example("#SBATCH --job-name=`id`;x\n#SBATCH")
@example("#SBATCH --=\n#SBATCH -\n#SBATCH --\n#SBATCH -J")
def test_any_text_is_read_or_refused(text: str) -> None:
    assert read_or_refused(text)


OPTION_LINES = st.lists(
    st.tuples(
        st.sampled_from(["--time", "-J", "--array", "-d", "--mem", "-N", "-c", "--begin", "-p"]), st.text(max_size=12)
    ),
    max_size=6,
)


@given(OPTION_LINES)
def test_any_value_is_read_or_refused(lines: list[tuple[str, str]]) -> None:
    assert read_or_refused("".join(f"#SBATCH {option} {value}\n" for option, value in lines))


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1)))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    assert split_words(" " + shlex.join(words)) == words


@given(st.text(max_size=40).filter(lambda name: "\n" not in name and "'" not in name))
def test_a_hostile_name_is_a_name(name: str) -> None:
    assert request_of(f"--job-name='{name}'").name == (name or "job.sh")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 1800),
        ("1:30", 90),
        ("0:01", 1),
        ("2:00:05", 7205),
        ("1-12", 129600),
        ("1-0:30", 88200),
        ("2-01:02:03", 176523),
        ("0", None),
        ("UNLIMITED", None),
        ("infinite", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-", "1-", "-5", "1:2:3:4", "1-2:3:4:5", "x", "1.5", "1e3", "\u0663", "9" * 13, "1--2"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)


@given(st.integers(1, 10**8))
def test_printed_durations_read_back(seconds: int) -> None:
    assert parse_duration(long_clock_text(seconds)) == seconds
    assert parse_duration(clock_text(seconds)) == seconds


@given(st.text())
def test_any_text_is_a_duration_or_not(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert seconds is None or seconds > 0


def test_moments() -> None:
    assert parse_moment("now", 5.0) == 5.0
    assert parse_moment("now+2hours", 5.0) == 7205.0
    assert parse_moment("2026-01-02T03:04:05", 0.0) == time.mktime((2026, 1, 2, 3, 4, 5, 0, 0, -1))
    for text in ("tomorrow", "2026-13-01", "2026-01-02T25:00", "now+2moons", ""):
        with pytest.raises(ValueError):
            parse_moment(text, 0.0)


@pytest.mark.parametrize(
    ("text", "tasks", "limit"),
    [
        ("0-3", (0, 1, 2, 3), 0),
        ("1,3,5", (1, 3, 5), 0),
        ("0-10:5", (0, 5, 10), 0),
        ("3,1-2%1", (1, 2, 3), 1),
        ("7", (7,), 0),
    ],
)
def test_arrays(text: str, tasks: tuple[int, ...], limit: int) -> None:
    array = parse_array(text, 1000)
    assert (array.tasks, array.limit) == (tasks, limit)


@given(st.text(alphabet="0123456789-,:%x ", max_size=20))
def test_any_array_stays_within_bounds(text: str) -> None:
    try:
        tasks = parse_array(text, 1000).tasks
    except ValueError:
        return
    assert tasks
    assert list(tasks) == sorted(set(tasks))
    assert 0 <= tasks[0] <= tasks[-1] <= 1000


def test_dependencies() -> None:
    all_of = parse_dependencies("afterok:1:2_3,singleton")
    assert all_of.terms == (Dependency("afterok", ("1", "2_3")), Dependency("singleton"))
    assert parse_dependencies("afterany:1?afternotok:2").any_of
    assert str(parse_dependencies("AFTEROK:5_*")) == "afterok:5"
    for text in ("x", "afterok", "afterok:", "afterok:a", "singleton:1", "afterok:1,afterany:2?after:3"):
        with pytest.raises(ValueError):
            parse_dependencies(text)


@given(st.text(max_size=30))
def test_any_dependency_is_read_or_refused(text: str) -> None:
    try:
        dependencies = parse_dependencies(text)
    except ValueError:
        return
    assert parse_dependencies(str(dependencies)) == dependencies


def test_options_of_the_configuration_file() -> None:
    configuration = read_options(
        "here", {"cores": 4, "partitions": {"regular": "2-00:00:00", "debug": 30}, "qos": ["regular", "debug"]}
    )
    assert configuration.partitions == {"regular": 172800, "debug": 1800}
    assert (configuration.default_partition, configuration.default_qos) == ("regular", "regular")
    assert Configuration.from_json(configuration.to_json()) == configuration
    assert read_options("here", {"partitions": ["one", "two"]}).default_partition == "one"


@pytest.mark.parametrize(
    "options",
    [
        {"kores": 4},
        {"cores": 0},
        {"cores": "4"},
        {"qos": "debug"},
        {"idle_exit": -1},
        {"partitions": {"x": "soon"}},
        {"default_partition": "nowhere"},
        {"qos": ["a"], "default_qos": "b"},
        {"default_account": 5},
    ],
)
def test_options_that_are_wrong(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(reversed(options)).split(".")[0][:4]):
        read_options("here", options)


def test_nothing_was_run() -> None:
    assert not Path("canary").exists()
