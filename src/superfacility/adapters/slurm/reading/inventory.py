"""Nodes and partitions as `scontrol --oneliner show` prints them."""

import re

from superfacility.adapters.slurm.reading.tables import GarbledError
from superfacility.adapters.slurm.reading.times import duration
from superfacility.facility.inventory import Node, Partition

_PAIR = re.compile(r"(?:^|\s)(\w+)=(\S*)")
_REASON = re.compile(r"\sReason=(.*?)(?:\s\[[^\]]*\])?(?:\s+(?:Comment|Extra|InstanceId|InstanceType)=.*)?$")
_NOTHING = frozenset({"", "(null)", "N/A", "none"})
_BUSY = frozenset({"allocated", "mixed", "completing"})
_STATES = {
    "MAINTENANCE": "maint",
    "MAINT": "maint",
    "FAIL": "fail",
    "REBOOT_ISSUED": "reboot",
    "POWERING_DOWN": "powering_down",
    "POWERING_UP": "powering_up",
    "POWERED_DOWN": "powered_down",
    "COMPLETING": "completing",
    "RESERVED": "reserved",
    "PLANNED": "planned",
    "BLOCKED": "blocked",
}
"""Flags beside the state that say more than the state, the weightiest first."""


def parse_nodes(text: str) -> tuple[Node, ...]:
    """Raises `GarbledError` for a line that is no node's."""
    return tuple(_node(line) for line in text.splitlines() if line.strip())


def _node(line: str) -> Node:
    values = dict(_PAIR.findall(line))
    try:
        name, words = values["NodeName"], values["State"].split("+")
        state = node_state(words)
        return Node(
            name=name,
            state=state,
            partitions=_list(values.get("Partitions", "")),
            cpus=int(values["CPUTot"]),
            cpus_allocated=int(values["CPUAlloc"]),
            memory=int(values["RealMemory"]),
            features=_list(values.get("ActiveFeatures", "")),
            gres="" if values.get("Gres", "") in _NOTHING else values["Gres"],
            reachable="NOT_RESPONDING" not in words and not words[0].endswith("*"),
            reason=_reason(line),
        )
    except (KeyError, ValueError):
        raise GarbledError("a line is no node's") from None


def node_state(words: list[str]) -> str:
    """`MIXED`, `DRAIN` are draining; `IDLE`, `DRAIN` are drained."""
    base = words[0].rstrip("*").lower()
    if base == "down":
        return base
    if "DRAIN" in words or "DRAINED" in words:
        return "draining" if base in _BUSY or "COMPLETING" in words else "drained"
    return next((state for flag, state in _STATES.items() if flag in words), base)


def _reason(line: str) -> str:
    found = _REASON.search(line)
    return found[1] if found else ""


def parse_partitions(text: str) -> tuple[Partition, ...]:
    """Raises `GarbledError` for a line that is no partition's."""
    return tuple(_partition(line) for line in text.splitlines() if line.strip())


def _partition(line: str) -> Partition:
    values = dict(_PAIR.findall(line))
    try:
        return Partition(
            name=values["PartitionName"],
            state=values["State"].lower(),
            default=values["Default"] == "YES",
            time_limit=duration(values["MaxTime"]),
            nodes=int(values["TotalNodes"]),
        )
    except (KeyError, ValueError):
        raise GarbledError("a line is no partition's") from None


def _list(text: str) -> tuple[str, ...]:
    return () if text in _NOTHING else tuple(text.split(","))
