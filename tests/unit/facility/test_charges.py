"""What a job costs: by its share of a node, its time, and the factors of system, QOS and node type."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.facility.accounting.charges import HoursKind, NodeType, Rate, price
from superfacility.facility.batch.options import Asked, asked
from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.facility.people import UserName

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOB = Job(JobId("1"), UserName("a"), JobState.COMPLETED, {}, elapsed=HOUR, cpus=64, submitted_at=NOW)
BIG = NodeType("big", 64, 4, 2.0, HoursKind.GPU, frozenset({"gpu", "gpu_big"}), frozenset({"hbm80g"}))
SMALL = NodeType("small", 32, 2, 0.5, HoursKind.GPU, with_gpus=True)
RATE = Rate(128, 1.0, {"debug": 2.0, "free": 0.0}, node_types=(BIG, SMALL))

factors = st.floats(0, 1e3)
rates = st.builds(
    Rate,
    st.integers(1, 512),
    factors,
    st.dictionaries(st.sampled_from(["", "debug", "free"]), factors),
    st.integers(0, 8),
    node_types=st.lists(st.sampled_from([BIG, SMALL]), max_size=2, unique=True).map(tuple),
)
jobs = st.builds(
    lambda cpus, gpus, seconds, qos, partition, features: replace(
        JOB,
        cpus=cpus,
        gpus=gpus,
        elapsed=timedelta(seconds=seconds),
        qos=qos,
        partition=partition,
        features=features,
    ),
    st.integers(0, 100_000),
    st.none() | st.integers(0, 1000),
    st.integers(0, 10**7),
    st.sampled_from(["", "debug", "free"]),
    st.sampled_from(["", "gpu", "regular"]),
    st.sampled_from(["", "hbm80g", "gpu&hbm80g", "cpu"]),
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (HoursKind.CPU, 0.5)),
        ({"partition": "gpu"}, (HoursKind.CPU, 0.5)),
        ({"partition": "gpu", "features": "hbm80g"}, (HoursKind.GPU, 2.0)),
        ({"partition": "gpu_big", "features": "[gpu&hbm80g*2]", "cpus": 2, "gpus": 2}, (HoursKind.GPU, 1.0)),
        ({"partition": "gpu", "features": "hbm80gx"}, (HoursKind.CPU, 0.5)),
        ({"gpus": 1, "cpus": 1}, (HoursKind.GPU, 0.25)),
        ({"gpus": 4, "cpus": 1, "qos": "debug"}, (HoursKind.GPU, 2.0)),
        ({"gpus": 1, "cpus": 32}, (HoursKind.GPU, 0.5)),
        ({"gpus": 0}, (HoursKind.CPU, 0.5)),
        ({"qos": "free"}, (HoursKind.CPU, 0.0)),
    ],
)
def test_node_types(changes, expected: tuple[HoursKind, float]) -> None:
    assert price(replace(JOB, **changes), RATE) == expected


def test_a_whole_system_of_gpus_needs_no_type() -> None:
    assert price(replace(JOB, gpus=4, cpus=1), Rate(64, gpus_per_node=4, kind=HoursKind.GPU)) == (HoursKind.GPU, 1.0)


@given(jobs, rates)
def test_a_charge_is_never_negative_and_grows_with_what_is_held(job: Job, rate: Rate) -> None:
    kind, hours = price(job, rate)
    assert hours >= 0
    more = replace(job, cpus=job.cpus + 1, gpus=None if job.gpus is None else job.gpus + bool(job.gpus))
    assert price(more, rate)[0] is kind
    assert price(more, rate)[1] >= hours


@given(jobs, rates)
def test_twice_the_time_costs_twice_as_much(job: Job, rate: Rate) -> None:
    assert price(replace(job, elapsed=2 * job.elapsed), rate)[1] == pytest.approx(2 * price(job, rate)[1])


@given(jobs, rates, st.integers(1, 20))
def test_parts_cost_together_what_the_whole_costs(job: Job, rate: Rate, parts: int) -> None:
    whole = replace(job, cpus=max(job.cpus, 1) * parts, gpus=None if job.gpus is None else job.gpus * parts)
    assert price(whole, rate)[1] == pytest.approx(parts * price(job, rate)[1])


@given(jobs, rates)
def test_a_factor_of_zero_is_free(job: Job, rate: Rate) -> None:
    assert price(job, replace(rate, factor=0.0))[1] == 0.0
    assert price(job, replace(rate, qos_factors={job.qos: 0.0}))[1] == 0.0


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", Asked()),
        ("#SBATCH -A m1 -p gpu,regular -q debug -C gpu", Asked("m1", "gpu", "debug", "gpu")),
        ("#SBATCH -Am1 -q=debug", Asked("m1", qos="debug")),
        ('#SBATCH --account=m1 --constraint="gpu&hbm80g"', Asked("m1", features="gpu&hbm80g")),
        ("#SBATCH --account m1\n#SBATCH --acco=m2", Asked("m2")),
        ("#SBATCH --acc=m2 --acctg-freq=30", Asked()),
        ("#SBATCH --gpus-per-node=4", Asked(gpus=True)),
        ("#SBATCH -G 1", Asked(gpus=True)),
        ("#SBATCH --gres=gpu:a100:2", Asked(gpus=True)),
        ("#SBATCH --gres=craynetwork:0 --time -5", Asked()),
        ('#SBATCH --account="m1\n#SBATCH -q debug', Asked(qos="debug")),
        ("#SBATCH --account", Asked()),
        ("hostname\n#SBATCH -A m1", Asked()),
    ],
)
def test_what_a_script_asks_for(lines: str, expected: Asked) -> None:
    assert asked(f"#!/bin/sh\n{lines}\n") == expected


@given(st.text())
def test_any_script_can_be_asked(text: str) -> None:
    assert isinstance(asked(text), Asked)
