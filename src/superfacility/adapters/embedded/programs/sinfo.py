"""`sinfo`: partitions of the one node."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from superfacility.adapters.embedded.programs.arguments import Syntax, names
from superfacility.adapters.embedded.programs.asking import ask, jobs_of, run, say
from superfacility.adapters.embedded.programs.tables import header, line, parse_format
from superfacility.adapters.embedded.protocol import Message
from superfacility.adapters.embedded.request.times import clock_text

_SYNTAX = Syntax(
    "sinfo",
    values={"format": "o", "partition": "p", "nodes": "n", "states": "t", "clusters": "M"},
    flags={"all": "a", "long": "l", "Node": "N", "noheader": "h", "summarize": "s", "version": "V", "exact": "e"},
)
_DEFAULT = "%9P %.5a %.10l %.6D %6t %N"
_SUMMARY = "%9P %.5a %.10l %.15F %N"
_NODES = "%N %.6D %.9P %6t"
_LETTERS: Mapping[str, tuple[str, str]] = {
    "a": ("avail", "AVAIL"),
    "A": ("allocated", "NODES(A/I)"),
    "c": ("cpus", "CPUS"),
    "C": ("cpu_states", "CPUS(A/I/O/T)"),
    "D": ("nodes", "NODES"),
    "f": ("features", "AVAIL_FEATURES"),
    "F": ("node_states", "NODES(A/I/O/T)"),
    "G": ("gres", "GRES"),
    "l": ("limit", "TIMELIMIT"),
    "m": ("memory", "MEMORY"),
    "n": ("node", "HOSTNAMES"),
    "N": ("node", "NODELIST"),
    "P": ("partition", "PARTITION"),
    "R": ("name", "PARTITION"),
    "t": ("short_state", "STATE"),
    "T": ("state", "STATE"),
}


def main() -> None:
    run(_sinfo)


def _sinfo(state: Path, words: Sequence[str]) -> int:
    options = _SYNTAX.parse(words).options
    if "version" in options:
        say("slurm 22.05.8")
        return 0
    answer = ask(state, {"do": "jobs", "active": True})
    default = _SUMMARY if "summarize" in options else _NODES if "Node" in options else _DEFAULT
    layout = parse_format(options.get("format", default), _LETTERS)
    if "noheader" not in options:
        say(header(layout))
    wanted = names(options.get("partition"))
    for row in _rows(answer):
        if not wanted or row["name"] in wanted:
            say(line(layout, row))
    return 0


def _rows(answer: Message) -> list[dict[str, str]]:
    configuration = answer["configuration"]
    total = configuration["cores"]
    used = sum(submission.request.cpus for submission, job in jobs_of(answer) if job.started is not None)
    state, short = ("allocated", "alloc") if used >= total else ("mixed", "mix") if used else ("idle", "idle")
    busy = 1 if used else 0
    common = {
        "avail": "up",
        "allocated": f"{busy}/{1 - busy}",
        "cpus": str(total),
        "cpu_states": f"{used}/{max(total - used, 0)}/0/{total}",
        "nodes": "1",
        "features": ",".join(configuration["constraints"]) or "(null)",
        "node_states": f"{busy}/{1 - busy}/0/1",
        "gres": "(null)",
        "memory": "0",
        "node": configuration["cluster"],
        "state": state,
        "short_state": short,
    }
    return [
        {
            **common,
            "name": name,
            "partition": name + ("*" if name == configuration["default_partition"] else ""),
            "limit": "infinite" if limit is None else clock_text(limit),
        }
        for name, limit in configuration["partitions"].items()
    ]
