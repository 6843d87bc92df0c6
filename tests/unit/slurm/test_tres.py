"""GPUs in Slurm's words for trackable resources, as its versions write them."""

import pytest

from superfacility.adapters.slurm.reading.remembered import End, parse_exits
from superfacility.adapters.slurm.reading.tres import asked_gpus, counted_gpus


@pytest.mark.parametrize(
    ("tres", "expected"),
    [
        ("", None),
        ("N/A", None),
        ("(null)", None),
        ("billing=2,cpu=2,mem=1G,node=1", 0),
        ("billing=2,cpu=2,gres/gpu=4,node=1", 4),
        ("cpu=2,gres/gpu:a100=4,gres/gpu=6,gres/gpu:h100=2", 6),
        ("cpu=2,gres/gpu:a100=4,gres/gpu:h100=2", 6),
        ("cpu=2,gres/gpumem=80G,node=1", 0),
    ],
)
def test_what_was_allocated(tres: str, expected: int | None) -> None:
    assert counted_gpus(tres) == expected


@pytest.mark.parametrize(
    ("per_node", "expected"),
    [
        ("N/A", None),
        ("(null)", None),
        ("", None),
        ("gres/gpu:4", 4),
        ("gres:gpu:4", 4),
        ("gpu:a100:2", 2),
        ("gres/gpu:a100:2,gres/gpu:h100:1", 3),
        ("gres/gpu", 1),
        ("gres/gpu:4(S:0-1)", 4),
        ("gres/craynetwork:1", None),
    ],
)
def test_what_was_asked_for_on_each_node(per_node: str, expected: int | None) -> None:
    assert asked_gpus(per_node) == expected


def test_the_controller_tells_exits_and_gpus() -> None:
    text = "7   0    cpu=1,gres/gpu=2,node=1\n8  256   N/A\n9   0\n"
    assert parse_exits(text) == {"7": End(0, 2), "8": End(1, None), "9": End(0, None)}
