"""The options of `sbatch`, on its command line and on `#SBATCH` lines, as one table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from superfacility.adapters.embedded.request.refusal import sbatch_error

HONOURED = {
    "account": "A",
    "array": "a",
    "begin": "b",
    "chdir": "D",
    "comment": "",
    "constraint": "C",
    "cpus-per-task": "c",
    "dependency": "d",
    "error": "e",
    "export": "",
    "job-name": "J",
    "mem": "",
    "nodes": "N",
    "ntasks": "n",
    "open-mode": "",
    "output": "o",
    "partition": "p",
    "qos": "q",
    "reservation": "",
    "time": "t",
    "wrap": "",
}
"""Options with a value that mean something here, with their short forms."""
FLAGS = {"hold": "H", "parsable": "", "test-only": "", "wait": "W", "quiet": "Q", "verbose": "v"}
INFORMATIONAL = {
    "acctg-freq": "", "bb": "", "bbf": "", "cluster-constraint": "", "clusters": "M", "cores-per-socket": "",
    "cpus-per-gpu": "", "deadline": "", "distribution": "m", "exclude": "x", "export-file": "", "extra-node-info": "B",
    "gid": "", "gpus": "G", "gpus-per-node": "", "gpus-per-socket": "", "gpus-per-task": "", "gpu-bind": "",
    "gpu-freq": "", "gres": "", "hint": "", "image": "", "input": "i", "licenses": "L", "mail-type": "",
    "mail-user": "", "mcs-label": "", "mem-bind": "", "mem-per-cpu": "", "mem-per-gpu": "", "mincpus": "", "module": "",
    "network": "", "nodefile": "F", "nodelist": "w", "ntasks-per-core": "", "ntasks-per-gpu": "",
    "ntasks-per-node": "", "ntasks-per-socket": "", "power": "",
    "priority": "", "profile": "", "signal": "", "sockets-per-node": "",
    "switches": "", "thread-spec": "", "threads-per-core": "", "time-min": "", "tmp": "", "uid": "", "volume": "",
    "wait-all-nodes": "", "wckey": "", "core-spec": "S",
}  # fmt: skip
"""Options with a value that Slurm knows and that change nothing on a machine of one node."""
INFORMATIONAL_FLAGS = {
    "contiguous": "", "exclusive": "", "get-user-env": "", "ignore-pbs": "", "kill-on-invalid-dep": "",
    "no-kill": "k", "no-requeue": "", "nice": "", "overcommit": "O", "oversubscribe": "s", "propagate": "",
    "reboot": "", "requeue": "", "spread-job": "", "use-min-nodes": "",
}  # fmt: skip
"""The same, where a value is optional and needs the equals sign."""

_WITH_VALUE = HONOURED.keys() | INFORMATIONAL.keys()
_WITHOUT_VALUE = FLAGS.keys() | INFORMATIONAL_FLAGS.keys()
_KNOWN = _WITH_VALUE | _WITHOUT_VALUE
_SHORT = {
    short: name
    for table in (HONOURED, FLAGS, INFORMATIONAL, INFORMATIONAL_FLAGS)
    for name, short in table.items()
    if short
}


@dataclass(slots=True)
class Options:
    """Options by long name, the unknown ones as they were written, and what follows the options."""

    values: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)


def read_options(words: Sequence[str]) -> Options:
    """Read options until the first word that is none; `Refusal` when a value is missing."""
    options = Options()
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            _read_long(word[2:], remaining, options)
        elif word.startswith("-") and len(word) > 1:
            _read_short(word[1:], remaining, options)
        else:
            remaining.insert(0, word)
            break
    options.rest = remaining
    return options


def _read_long(word: str, remaining: list[str], options: Options) -> None:
    written, equals, value = word.partition("=")
    name = _full_name(written)
    if name is None:
        options.unknown.append(f"--{word}")
        if not equals and remaining and not remaining[0].startswith("-"):
            options.unknown[-1] += f" {remaining.pop(0)}"
    elif name in _WITHOUT_VALUE or equals:
        options.values[name] = value
    elif remaining:
        options.values[name] = remaining.pop(0)
    else:
        raise sbatch_error(f"option '--{name}' requires an argument")


def _full_name(written: str) -> str | None:
    """Slurm's option reader takes any unambiguous beginning of a name (`--cpus-per-t`, `--part`)."""
    if written in _KNOWN:
        return written
    candidates = [name for name in _KNOWN if name.startswith(written)] if len(written) > 1 else []
    return candidates[0] if len(candidates) == 1 else None


def _read_short(letters: str, remaining: list[str], options: Options) -> None:
    """`-N1`, `-N 1`, `-N=1`, and flags together: `-Hv`."""
    while letters:
        letter, letters = letters[0], letters[1:]
        name = _SHORT.get(letter)
        if name is None:
            options.unknown.append(f"-{letter}{letters}")
            return
        if name in _WITHOUT_VALUE:
            options.values[name] = ""
            continue
        if not letters and not remaining:
            raise sbatch_error(f"option requires an argument -- '{letter}'")
        options.values[name] = letters.removeprefix("=") if letters else remaining.pop(0)
        return
