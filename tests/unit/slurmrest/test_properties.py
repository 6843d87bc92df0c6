"""Scripts for slurmrestd: every option becomes a property, or the script goes to sbatch."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.adapters.slurm.rest.properties import NotForRest, job_properties


def script(*lines: str) -> str:
    return "\n".join(("#!/bin/bash", *(f"#SBATCH {line}" for line in lines), "srun hostname", "#SBATCH --qos=late"))


def number(value: int) -> dict[str, object]:
    return {"set": True, "infinite": False, "number": value}


def test_usual_options() -> None:
    found = job_properties(
        script("-J 'my job' --time=1-02:03:04", "-N2 -n 8 -A m0001", "--mem 2G --gpus=a100:4 -o out-%j.txt", "--hold")
    )
    assert found == {
        "name": "my job",
        "time_limit": number(26 * 60 + 4),
        "nodes": "2",
        "tasks": 8,
        "account": "m0001",
        "memory_per_node": number(2048),
        "tres_per_job": "gres/gpu:a100:4",
        "standard_output": "out-%j.txt",
        "hold": True,
    }


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("5", 5), ("5:30", 6), ("1:00:00", 60), ("2-0", 2880), ("0-00:00:01", 1), ("90:00", 90), ("2-3:4", 3064)],
)
def test_time_limits(text: str, minutes: int) -> None:
    assert job_properties(script(f"--time={text}"))["time_limit"] == number(minutes)


@pytest.mark.parametrize(
    "line",
    [
        "--time=0", "--time=never", "--time=1:2:3:4", "--time=-5", "--mem=0", "--mem=lots", "--nodes=2k", "--gpus=-1",
        "--exclusive", "--signal=B:USR1@60", "--unknown", "-Z 3", "hetjob", "-J", "--job-name", "--hold=yes",
        "-J 'open", "--export=ALL,A=b", "-n 1e3", "--ntasks=\N{SUPERSCRIPT TWO}",
    ],
)  # fmt: skip
def test_what_is_not_certain_goes_to_sbatch(line: str) -> None:
    with pytest.raises(NotForRest):
        job_properties(script(line))


def test_later_lines_win_and_lines_after_the_first_command_do_not_count() -> None:
    assert job_properties(script("-q debug", "--qos=regular")) == {"qos": "regular"}


@given(st.text())
def test_any_text_is_understood_or_left_to_sbatch(text: str) -> None:
    with contextlib.suppress(NotForRest):
        assert isinstance(job_properties(f"#!/bin/sh\n#SBATCH {text}"), dict)
