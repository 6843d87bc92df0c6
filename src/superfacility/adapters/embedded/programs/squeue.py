"""`squeue`: pending and running jobs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from superfacility.adapters.embedded.columns import SHORT_STATES, squeue_row
from superfacility.adapters.embedded.programs.arguments import Arguments, Syntax, names
from superfacility.adapters.embedded.programs.asking import Failure, ask, caller, jobs_of, run, say
from superfacility.adapters.embedded.programs.tables import Field, Layout, header, line, parse_format
from superfacility.adapters.embedded.protocol import Message

_SYNTAX = Syntax(
    "squeue",
    values={
        "account": "A", "format": "o", "Format": "O", "jobs": "j", "name": "n", "partition": "p", "qos": "q",
        "reservation": "R", "sort": "S", "states": "t", "user": "u", "nodelist": "w", "clusters": "M",
    },
    flags={"all": "a", "array": "r", "help": "", "long": "l", "me": "", "noheader": "h", "start": "", "version": "V"},
    optional=frozenset({"json", "yaml"}),
)  # fmt: skip
_DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
_LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
_LETTERS: Mapping[str, tuple[str, str]] = {
    "A": ("jobid", "JOBID"),
    "a": ("account", "ACCOUNT"),
    "B": ("exec_host", "EXEC_HOST"),
    "C": ("cpus", "CPUS"),
    "c": ("min_cpus", "MIN_CPUS"),
    "D": ("nodes", "NODES"),
    "E": ("dependency", "DEPENDENCY"),
    "e": ("end_time", "END_TIME"),
    "F": ("array_job_id", "ARRAY_JOB_ID"),
    "f": ("features", "FEATURES"),
    "g": ("group", "GROUP"),
    "G": ("group", "GROUP"),
    "i": ("public_id", "JOBID"),
    "j": ("name", "NAME"),
    "K": ("array_task_id", "ARRAY_TASK_ID"),
    "k": ("comment", "COMMENT"),
    "l": ("time_limit", "TIME_LIMIT"),
    "L": ("time_left", "TIME_LEFT"),
    "m": ("min_memory", "MIN_MEMORY"),
    "M": ("time", "TIME"),
    "N": ("nodelist", "NODELIST"),
    "o": ("command", "COMMAND"),
    "P": ("partition", "PARTITION"),
    "p": ("priority", "PRIORITY"),
    "Q": ("priority", "PRIORITY"),
    "q": ("qos", "QOS"),
    "r": ("reason", "REASON"),
    "R": ("nodelist(reason)", "NODELIST(REASON)"),
    "S": ("start_time", "START_TIME"),
    "t": ("st", "ST"),
    "T": ("state", "STATE"),
    "u": ("user", "USER"),
    "U": ("uid", "UID"),
    "v": ("reservation", "RESERVATION"),
    "V": ("submit_time", "SUBMIT_TIME"),
    "Z": ("work_dir", "WORK_DIR"),
}
_STATES = {short: state for state, short in SHORT_STATES.items()}


def main() -> None:
    run(_squeue)


def _squeue(state: Path, words: Sequence[str]) -> int:
    arguments = _SYNTAX.parse(words)
    if "version" in arguments.options:
        say("slurm 22.05.8")
        return 0
    if {"json", "yaml"} & arguments.options.keys():
        raise Failure("squeue: error: --json and --yaml are not available here; use -o")
    ids = names(arguments.options.get("jobs"))
    answer = ask(state, {"do": "jobs", "ids": sorted(ids), "active": True})
    if ids and not answer["jobs"] and len(answer["missing"]) == len(ids):
        raise Failure("slurm_load_jobs error: Invalid job id specified")
    rows = [row for row in _rows(answer) if _matches(arguments, row)]
    layout = _layout(arguments)
    if "noheader" not in arguments.options:
        say(header(layout))
    for row in rows:
        say(line(layout, row))
    return 0


def _rows(answer: Message) -> list[dict[str, str]]:
    cluster, now = answer["configuration"]["cluster"], answer["now"]
    return [
        {**squeue_row(submission, job, cluster, now), "public_id": job.public_id} for submission, job in jobs_of(answer)
    ]


def _matches(arguments: Arguments, row: Mapping[str, str]) -> bool:
    options = arguments.options
    users = {caller()} if "me" in options else names(options.get("user"))
    states = {_STATES.get(each.upper(), each.upper()) for each in names(options.get("states"))}
    wanted = {
        "user": users,
        "account": names(options.get("account")),
        "partition": names(options.get("partition")),
        "qos": names(options.get("qos")),
        "name": names(options.get("name")),
        "reservation": names(options.get("reservation")),
        "state": set() if "ALL" in states else states,
    }
    return all(not values or row[key] in values for key, values in wanted.items())


def _layout(arguments: Arguments) -> Layout:
    if "Format" in arguments.options:
        raise Failure("squeue: error: --Format is not available here; use -o")
    chosen = arguments.options.get("format", _LONG if "long" in arguments.options else _DEFAULT)
    if chosen == "%all":
        return _all()
    return parse_format(chosen, _LETTERS)


def _all() -> Layout:
    headers = dict(_LETTERS.values())
    layout: list[str | Field] = []
    for key in _ALL_KEYS:
        layout += ["|", Field(key, headers.get(key, key.upper()))]
    return layout[1:]


_ALL_KEYS = (
    "account", "tres_per_node", "min_cpus", "min_tmp_disk", "end_time", "features", "group", "over_subscribe",
    "public_id", "name", "comment", "time_limit", "min_memory", "req_nodes", "command", "priority", "qos", "reason", "",
    "st", "user", "reservation", "wckey", "exc_nodes", "nice", "s:c:t", "jobid", "exec_host", "cpus", "nodes",
    "dependency", "array_job_id", "group", "sockets_per_node", "cores_per_socket", "threads_per_core", "array_task_id",
    "time_left", "time", "nodelist", "contiguous", "partition", "priority", "nodelist(reason)", "start_time", "state",
    "uid", "submit_time", "licenses", "core_spec", "schednodes", "work_dir",
)  # fmt: skip
"""As `squeue -o %all` writes them, with its three repeated columns."""
