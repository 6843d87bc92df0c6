"""Where a job's output is: `%` patterns, and the #SBATCH lines of a script where accounting does not keep the paths."""

import posixpath
import re
from dataclasses import dataclass

_PATTERN = re.compile(r"%(\d*)([%AaJjNnstuxb])")
_DIRECTIVE = re.compile(r"#SBATCH\s+(?:--(output|error|chdir)(?:=|\s+)|-([oeD])\s*)(\"[^\"]*\"|'[^']*'|\S+)")
_LONG = {"o": "output", "e": "error", "D": "chdir"}


@dataclass(frozen=True, slots=True)
class Names:
    """What patterns stand for. `number` is the job's own raw id."""

    job_id: str
    number: str
    user: str
    name: str
    node: str = ""

    @property
    def array(self) -> tuple[str, str]:
        parent, _, element = self.job_id.partition("_")
        return parent, element


def expand(pattern: str, names: Names, directory: str) -> str:
    """An absolute path, as Slurm makes it."""
    parent, element = names.array
    values = {
        "%": "%", "A": parent, "a": element or "4294967294", "J": names.number, "j": names.number, "N": names.node,
        "n": "0", "s": "batch", "t": "0", "u": names.user, "x": names.name, "b": str(int(element or 0) % 10),
    }  # fmt: skip
    if "\\" in pattern:
        path = pattern.replace("\\", "")
    else:
        path = _PATTERN.sub(lambda found: _padded(values[found[2]], found[1]), pattern)
    return posixpath.join(directory, path)


def _padded(value: str, width: str) -> str:
    return value.zfill(min(int(width), 10)) if width and value.isdecimal() else value


def usual_output(job_id: str) -> str:
    return "slurm-%A_%a.out" if "_" in job_id else "slurm-%j.out"


def directives(script: str) -> dict[str, str]:
    """`output`, `error` and `chdir` of the #SBATCH lines before the first command; of several the last counts."""
    found: dict[str, str] = {}
    for line in script.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        for long, short, value in _DIRECTIVE.findall(line):
            found[long or _LONG[short]] = value.strip("\"'")
    return found
