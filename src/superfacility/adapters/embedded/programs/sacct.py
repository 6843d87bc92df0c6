"""`sacct`: what has run, and what runs. One row a job; there are no steps here."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from superfacility.adapters.embedded.columns import SHORT_STATES, sacct_row
from superfacility.adapters.embedded.programs.arguments import Arguments, Syntax, names
from superfacility.adapters.embedded.programs.asking import Failure, ask, caller, jobs_of, run, say
from superfacility.adapters.embedded.programs.tables import Field, Layout, header, line
from superfacility.adapters.embedded.records import JobRecord, Submission
from superfacility.adapters.embedded.request.times import parse_moment
from superfacility.facility.rows import SACCT_COLUMNS

_SYNTAX = Syntax(
    "sacct",
    values={
        "accounts": "A", "endtime": "E", "format": "o", "jobs": "j", "name": "", "partition": "r", "qos": "q",
        "starttime": "S", "state": "s", "user": "u", "delimiter": "", "clusters": "M", "units": "",
    },
    flags={
        "allocations": "X", "allusers": "a", "brief": "b", "duplicates": "D", "helpformat": "e", "long": "l",
        "noheader": "n", "parsable": "p", "parsable2": "P", "version": "V", "noconvert": "", "truncate": "T",
    },
    optional=frozenset({"json"}),
)  # fmt: skip
_DEFAULT = "jobid,jobname,partition,account,alloccpus,state,exitcode"
_BRIEF = "jobid,state,exitcode"
_WIDTHS = {"jobid": 12, "exitcode": 8, "start": 19, "end": 19, "submit": 19, "eligible": 19, "workdir": 20}
_STATES = {short: state for state, short in SHORT_STATES.items()}


def main() -> None:
    run(_sacct)


def _sacct(state: Path, words: Sequence[str]) -> int:
    arguments = _SYNTAX.parse(words)
    options = arguments.options
    if "version" in options:
        say("slurm 22.05.8")
        return 0
    if "helpformat" in options:
        say(" ".join(SACCT_COLUMNS))
        return 0
    if "json" in options:
        raise Failure("sacct: error: --json is not available here; use -P and --format")
    layout = _layout(arguments)
    window = _window(arguments, ask(state, {"do": "hello"})["now"])
    answer = ask(state, {"do": "jobs", "ids": sorted(names(options.get("jobs"))), "since": window[0]})
    if "noheader" not in options:
        _head(layout, arguments)
    for submission, job in jobs_of(answer):
        row = sacct_row(submission, job, answer["configuration"]["cluster"], answer["now"])
        if _matches(arguments, row, job) and _inside(window, submission, job):
            say(line(layout, row))
    return 0


def _head(layout: Layout, arguments: Arguments) -> None:
    say(header(layout))
    if not {"parsable", "parsable2"} & arguments.options.keys():
        say("".join(each if isinstance(each, str) else "-" * each.width for each in layout))


def _layout(arguments: Arguments) -> Layout:
    options = arguments.options
    text = options.get("format", _BRIEF if "brief" in options else _DEFAULT)
    names_asked = SACCT_COLUMNS if text.upper() == "ALL" else [each for each in text.split(",") if each]
    parsable = {"parsable", "parsable2"} & options.keys()
    delimiter = options.get("delimiter", "|") if parsable else " "
    layout: list[str | Field] = []
    for key, asked in map(_column, names_asked):
        width = 0 if parsable else asked or _WIDTHS.get(key, 10)
        layout += [Field(key, _title(key), width, right=key != "jobid"), delimiter]
    return layout if not parsable or "parsable" in options else layout[:-1]


def _column(text: str) -> tuple[str, int]:
    """`jobname%30` is a column and its width."""
    name, _, width = text.partition("%")
    key = name.strip().lower()
    if key not in SACCT_COLUMNS:
        raise Failure(f'Invalid field requested: "{name}"')
    digits = width.lstrip("-")
    return key, int(digits) if digits.isdigit() else 0


_TITLES = {
    "jobid": "JobID", "jobidraw": "JobIDRaw", "jobname": "JobName", "alloccpus": "AllocCPUS", "exitcode": "ExitCode",
    "elapsedraw": "ElapsedRaw", "ncpus": "NCPUS", "nnodes": "NNodes", "nodelist": "NodeList", "qos": "QOS",
    "timelimit": "Timelimit", "reqmem": "ReqMem", "maxrss": "MaxRSS", "workdir": "WorkDir", "uid": "UID", "gid": "GID",
    "totalcpu": "TotalCPU", "alloctres": "AllocTRES", "reqtres": "ReqTRES", "cputime": "CPUTime",
}  # fmt: skip


def _title(key: str) -> str:
    return _TITLES.get(key, key.capitalize())


def _matches(arguments: Arguments, row: Mapping[str, str], job: JobRecord) -> bool:
    options = arguments.options
    users = names(options.get("user"))
    if not users and not {"allusers", "jobs", "accounts"} & options.keys():
        users = frozenset({caller()})
    states = {_STATES.get(each.upper(), each.upper()) for each in names(options.get("state"))}
    wanted = {
        "user": users,
        "account": names(options.get("accounts")),
        "partition": names(options.get("partition")),
        "qos": names(options.get("qos")),
        "jobname": names(options.get("name")),
    }
    return (not states or job.state in states) and all(
        not values or row[key] in values for key, values in wanted.items()
    )


def _window(arguments: Arguments, now: float) -> tuple[float, float]:
    """Since midnight unless told otherwise; with job ids, from the beginning."""
    options = arguments.options
    midnight = time.localtime(now)
    default = time.mktime((*midnight[:3], 0, 0, 0, 0, 0, -1))
    if options.keys() & {"jobs", "state"}:
        default = 0.0
    return _moment(options, "starttime", default, now), _moment(options, "endtime", now, now)


def _moment(options: Mapping[str, str], name: str, default: float, now: float) -> float:
    if name not in options:
        return default
    try:
        return parse_moment(options[name], now)
    except ValueError:
        raise Failure(f"sacct: error: Invalid time specification: {options[name]}") from None


def _inside(window: tuple[float, float], submission: Submission, job: JobRecord) -> bool:
    since, until = window
    return submission.submitted <= until and (job.ended is None or job.ended >= since)
