"""May this reservation be made? Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from superfacility.adapters.embedded.protocol import Problem
from superfacility.adapters.embedded.records import ReservationRecord

_CHANGEABLE = ("start", "end", "nodes", "cores_asked", "users", "accounts")
_SIZES = ("nodes", "cores_asked")


def book(
    asked: ReservationRecord,
    existing: Iterable[ReservationRecord],
    cores: int,
    now: float,
    *,
    doing: str = "creating",
) -> ReservationRecord:
    """The reservation with the cores it holds, or the one of the same name and content that is there already."""
    prefix = f"Error {doing} the reservation: "
    held = _cores(asked, cores)
    if held is None:
        raise Problem("refused", f"{prefix}Requested node configuration is not available")
    wanted = replace(asked, cores=held)
    current = [each for each in existing if each.end > now]
    for each in current:
        if each.name == wanted.name:
            if replace(each, owner="") == replace(wanted, owner=""):
                return each
            raise Problem("conflict", f"{prefix}Reservation name is already in use: {wanted.name}")
    if wanted.end <= wanted.start or wanted.end <= now:
        raise Problem("refused", f"{prefix}Invalid time specified")
    overlapping = [each for each in current if each.start < wanted.end and wanted.start < each.end]
    if sum(each.cores for each in overlapping) + wanted.cores > cores:
        raise Problem("refused", f"{prefix}Requested nodes are busy")
    return wanted


def changed(current: ReservationRecord, asked: Mapping[str, Any]) -> ReservationRecord:
    """As it shall be; a size of one kind ends that of the other."""
    values = {key: asked[key] for key in _CHANGEABLE if key in asked}
    values |= {key: tuple(values[key]) for key in ("users", "accounts") if key in values}
    if any(key in values for key in _SIZES):
        current = replace(current, nodes=None, cores_asked=None)
    return replace(current, **values)


def _cores(asked: ReservationRecord, cores: int) -> int | None:
    """The machine is one node; without nodes or cores the whole of it is meant. None for more than it has."""
    wanted = asked.cores_asked if asked.cores_asked is not None else cores
    return None if (asked.nodes or 1) > 1 or not 0 < wanted <= cores else wanted
