"""The value of `--dependency`: what must have happened to other jobs before this one starts."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["after", "afterok", "afterany", "afternotok", "singleton"]
_KINDS: dict[str, Kind] = {
    "after": "after",
    "afterok": "afterok",
    "afterany": "afterany",
    "afternotok": "afternotok",
    "singleton": "singleton",
}
_TARGET = re.compile(r"([0-9]{1,12})(?:_([0-9]{1,9}|\*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dependency:
    """`targets` are job ids as written: `12`, or `12_3`."""

    kind: Kind
    targets: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ":".join((self.kind, *self.targets))


@dataclass(frozen=True, slots=True)
class Dependencies:
    """All must hold, or with `any_of` (`?` between them) one."""

    terms: tuple[Dependency, ...] = ()
    any_of: bool = False

    def __str__(self) -> str:
        return ("?" if self.any_of else ",").join(map(str, self.terms))


def parse_dependencies(text: str) -> Dependencies:
    """ValueError when malformed. An empty text depends on nothing."""
    if not text:
        return Dependencies()
    any_of = "?" in text
    if any_of and "," in text:
        raise ValueError(text)
    return Dependencies(tuple(_parse_term(term) for term in text.split("?" if any_of else ",")), any_of)


def _parse_term(text: str) -> Dependency:
    word, *targets = text.split(":")
    kind = _KINDS.get(word.lower())
    if kind is None or (kind == "singleton") == bool(targets):
        raise ValueError(text)
    if not all(_TARGET.fullmatch(target) for target in targets):
        raise ValueError(text)
    return Dependency(kind, tuple(target.removesuffix("_*") for target in targets))
