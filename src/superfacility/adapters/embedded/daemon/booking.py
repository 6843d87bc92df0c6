"""May this reservation be made? Pure."""

from collections.abc import Iterable
from dataclasses import replace

from superfacility.adapters.embedded.protocol import Problem
from superfacility.adapters.embedded.records import ReservationRecord

_PREFIX = "Error creating the reservation: "


def book(asked: ReservationRecord, existing: Iterable[ReservationRecord], cores: int, now: float) -> ReservationRecord:
    """The reservation with the cores it holds, or the one of the same name and content that is there already."""
    wanted = replace(asked, cores=_cores(asked, cores))
    current = [each for each in existing if each.end > now]
    for each in current:
        if each.name == wanted.name:
            if replace(each, owner="") == replace(wanted, owner=""):
                return each
            raise Problem("conflict", f"{_PREFIX}Reservation name is already in use: {wanted.name}")
    if wanted.end <= wanted.start or wanted.end <= now:
        raise Problem("refused", f"{_PREFIX}Invalid time specified")
    overlapping = [each for each in current if each.start < wanted.end and wanted.start < each.end]
    if sum(each.cores for each in overlapping) + wanted.cores > cores:
        raise Problem("refused", f"{_PREFIX}Requested nodes are busy")
    return wanted


def _cores(asked: ReservationRecord, cores: int) -> int:
    """The machine is one node; without nodes or cores the whole of it is meant."""
    wanted = asked.cores_asked if asked.cores_asked is not None else cores
    if (asked.nodes or 1) > 1 or not 0 < wanted <= cores:
        raise Problem("refused", f"{_PREFIX}Requested node configuration is not available")
    return wanted
