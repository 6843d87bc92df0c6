"""What the `#SBATCH` lines of a script say about who pays for the job, and for what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from superfacility.facility.batch.lines import directive_lines, split_words

_LONG = (
    "account", "constraint", "gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task", "gres", "partition", "qos",
)  # fmt: skip
_SHORT = {"A": "account", "C": "constraint", "G": "gpus", "p": "partition", "q": "qos"}
_LEAST = 4
"""Letters from which a beginning of an option's name can mean it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Empty where the script does not say."""

    account: str = ""
    partition: str = ""
    qos: str = ""
    features: str = ""
    gpus: bool = False


def asked(text: str) -> Asked:
    """A later line wins over an earlier one, as in Slurm. What cannot be read is left for the scheduler to refuse."""
    found: dict[str, str] = {}
    for _, line in directive_lines(text):
        try:
            words = split_words(line)
        except ValueError:
            continue
        found.update(_options(words))
    return Asked(
        account=found.get("account", ""),
        partition=found.get("partition", "").partition(",")[0],
        qos=found.get("qos", ""),
        features=found.get("constraint", ""),
        gpus=any(name.startswith("gpus") for name in found) or "gpu" in found.get("gres", ""),
    )


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        if word.startswith("--"):
            written, equals, value = word[2:].partition("=")
            if name := _full_name(written):
                yield name, value if equals else following
        elif word.startswith("-") and (short := _SHORT.get(word[1:2])):
            yield short, word[2:].removeprefix("=") or following


def _full_name(written: str) -> str | None:
    if written in _LONG:
        return written
    meant = [name for name in _LONG if len(written) >= _LEAST and name.startswith(written)]
    return meant[0] if len(meant) == 1 else None
