"""A batch script as slurmrestd wants it: it reads no `#SBATCH` lines, so their options become properties of the job.

An option that is not in the table makes the whole script one for `sbatch`: nothing is ever left out silently.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from superfacility.facility.batch.lines import directive_lines, split_words

Properties = dict[str, Any]
_SIZES = {"": 1, "M": 1, "K": 1 / 1024, "G": 1024, "T": 1024 * 1024}
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)


class NotForRest(Exception):
    """This script needs `sbatch`."""


def _number(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise NotForRest(text)
    return int(text)


def _set(number: int) -> Properties:
    return {"set": True, "infinite": False, "number": number}


def _minutes(text: str) -> Properties:
    """`minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`, rounded up."""
    days, dash, clock = text.rpartition("-")
    numbers = [_number(part) for part in clock.split(":")]
    if len(numbers) > 3 or (days and not _DIGITS.fullmatch(days)) or (dash and not days):
        raise NotForRest(text)
    if dash or len(numbers) == 3:
        hours, minutes, seconds = (*numbers, 0, 0)[:3]
    else:
        hours, (minutes, seconds) = 0, (*numbers, 0)[:2]
    total = (int(days or 0) * 24 + hours) * 60 + minutes + (seconds > 0)
    if not total:
        raise NotForRest(text)
    return _set(total)


def _mebibytes(text: str) -> Properties:
    found = re.fullmatch(r"([0-9]{1,9})([KMGT]?)B?", text.upper(), re.ASCII)
    if found is None or not int(found[1]):
        raise NotForRest(text)
    return _set(max(1, round(int(found[1]) * _SIZES[found[2]])))


def _gpus(text: str) -> str:
    """`4` or `a100:4`."""
    if not re.fullmatch(r"([A-Za-z][A-Za-z0-9_-]*:)?[0-9]{1,6}", text, re.ASCII):
        raise NotForRest(text)
    return f"gres/gpu:{text}"


def _nodes(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,6}(-[0-9]{1,6})?", text, re.ASCII):
        raise NotForRest(text)
    return text


def _yes(_: str) -> bool:
    return True


def _no(_: str) -> bool:
    return False


_OPTIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "account": ("account", str),
    "array": ("array", str),
    "chdir": ("current_working_directory", str),
    "comment": ("comment", str),
    "constraint": ("constraints", str),
    "cpus-per-task": ("cpus_per_task", _number),
    "dependency": ("dependency", str),
    "error": ("standard_error", str),
    "gpus": ("tres_per_job", _gpus),
    "gpus-per-node": ("tres_per_node", _gpus),
    "gpus-per-task": ("tres_per_task", _gpus),
    "input": ("standard_input", str),
    "job-name": ("name", str),
    "licenses": ("licenses", str),
    "mem": ("memory_per_node", _mebibytes),
    "mem-per-cpu": ("memory_per_cpu", _mebibytes),
    "nodes": ("nodes", _nodes),
    "ntasks": ("tasks", _number),
    "ntasks-per-node": ("tasks_per_node", _number),
    "output": ("standard_output", str),
    "partition": ("partition", str),
    "qos": ("qos", str),
    "reservation": ("reservation", str),
    "time": ("time_limit", _minutes),
    "wckey": ("wckey", str),
}
_FLAGS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "hold": ("hold", _yes),
    "requeue": ("requeue", _yes),
    "no-requeue": ("requeue", _no),
}
_SHORT = {
    "A": "account", "C": "constraint", "D": "chdir", "G": "gpus", "H": "hold", "J": "job-name", "L": "licenses",
    "N": "nodes", "a": "array", "c": "cpus-per-task", "d": "dependency", "e": "error", "i": "input", "n": "ntasks",
    "o": "output", "p": "partition", "q": "qos", "t": "time",
}  # fmt: skip


def job_properties(script: str) -> Properties:
    """What the script's `#SBATCH` lines ask for; `NotForRest` for anything that is not certain."""
    found: Properties = {}
    for _, line in directive_lines(script):
        try:
            words = iter(split_words(line))
        except ValueError as problem:
            raise NotForRest(line) from problem
        for name, value in _options(words):
            key, convert = _OPTIONS.get(name) or _FLAGS[name]
            found[key] = convert(value)
    return found


def _options(words: Iterator[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        name, equals, value = _split(word)
        if name in _FLAGS and not equals and not value:
            yield name, ""
        elif name in _OPTIONS:
            taken = value if equals or value else next(words, None)
            if not taken:
                raise NotForRest(word)
            yield name, taken
        else:
            raise NotForRest(word)


def _split(word: str) -> tuple[str, str, str]:
    """`--name=value`, `--name`, `-nvalue` or `-n`, as the long name, the equals sign and the value."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return name, equals, value
    if len(word) > 1 and word[0] == "-" and word[1] in _SHORT:
        return _SHORT[word[1]], "", word[2:]
    raise NotForRest(word)
