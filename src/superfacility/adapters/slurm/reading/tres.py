"""GPUs in what Slurm says of trackable resources."""

import re

_COUNTED = re.compile(r"gres/gpu(?P<type>:[^=,]+)?=(?P<count>[0-9]{1,9})")
_ASKED = re.compile(r"(?:gres[:/])?gpu(?::[A-Za-z][^:,]*)?(?:[:=](?P<count>[0-9]{1,9}))?(?:\([^)]*\))?")


def counted_gpus(tres: str) -> int | None:
    """Of `cpu=8,gres/gpu=2,gres/gpu:a100=2`: the total where there is one. None where nothing is said."""
    if not tres or tres in ("(null)", "N/A"):
        return None
    total, typed = 0, 0
    for each in _COUNTED.finditer(tres):
        if each["type"]:
            typed += int(each["count"])
        else:
            total += int(each["count"])
    return total or typed


def asked_gpus(per_node: str) -> int | None:
    """Of `gres/gpu:a100:4`, on each node. None where there are none: they may have been asked for in another way."""
    found = [_ASKED.fullmatch(part.strip()) for part in per_node.split(",")]
    counts = [int(each["count"] or 1) for each in found if each is not None]
    return sum(counts) if counts else None
