"""The adapter over recorded answers: what it asks, and what it makes of a site without accounting or one that lags."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.unit.slurm.recorded_slurm import Cluster, Recorded

from superfacility.core.clock import SystemClock
from superfacility.facility.errors import Doubtful, NotFound, Unavailable, Unsupported
from superfacility.facility.jobs import Intent, JobId, JobQuery, JobState
from superfacility.testing.schedulers import named

ALICE = named("alice", 1001)


async def test_the_queue_is_in_the_order_of_ids_and_read_as_the_account(recorded: Recorded) -> None:
    cluster = Cluster(recorded)
    jobs = (await cluster.open().queue()).jobs
    numbers = [int(job.parent_id.partition("+")[0]) for job in jobs]
    assert numbers == sorted(numbers)
    assert {user for user, _ in cluster.asked} == {"sfgate"}


async def test_a_site_without_accounting_answers_from_the_controller(recorded: Recorded) -> None:
    cluster = Cluster(recorded, accounting=False)
    scheduler = cluster.open()
    assert (await scheduler.capabilities()).accounting is False
    jobs = await scheduler.accounting(JobQuery())
    failed = {job.exit_code for job in jobs if job.state is JobState.FAILED}
    assert failed == {3, 137}
    assert "sacct" not in {arguments[0] for _, arguments in cluster.asked}
    with pytest.raises(Unsupported):
        await scheduler.accounting(JobQuery(since=SystemClock().now() - timedelta(hours=1)))


async def test_without_accounting_an_old_submission_is_never_certainly_absent(recorded: Recorded) -> None:
    scheduler = Cluster(recorded, accounting=False).open()
    intent = Intent(uuid4())
    for _ in range(3):
        with pytest.raises(Doubtful):
            await scheduler.find(ALICE, intent, datetime(2020, 1, 1, tzinfo=UTC))


async def test_what_accounting_does_not_know_yet_is_asked_of_the_controller(recorded: Recorded) -> None:
    scheduler = Cluster(recorded).open()
    waiting = next(job for job in (await scheduler.queue()).jobs if job.name == "waiting array")
    (found,) = await scheduler.accounting(JobQuery(ids=frozenset({waiting.id})))
    assert (found.id, found.state, found.columns["jobid"]) == (waiting.id, JobState.PENDING, waiting.id)


async def test_while_accounting_is_away_only_what_the_controller_knows_is_answered(recorded: Recorded) -> None:
    cluster = Cluster(recorded)
    scheduler = cluster.open()
    running = next(job for job in (await scheduler.queue()).jobs if job.state is JobState.RUNNING)
    cluster.broken = {"sacct"}
    (found,) = await scheduler.accounting(JobQuery(ids=frozenset({running.id})))
    assert found.state is JobState.RUNNING
    for query in (JobQuery(), JobQuery(ids=frozenset({running.id, "60000000"}))):
        with pytest.raises(Unavailable):
            await scheduler.accounting(query)


async def test_a_lookup_that_fails_begins_the_wait_anew(recorded: Recorded) -> None:
    cluster = Cluster(recorded)
    scheduler = cluster.open()
    await scheduler.capabilities()
    cluster.broken = {"squeue"}
    with pytest.raises(Unavailable):
        await scheduler.find(ALICE, Intent(uuid4()), SystemClock().now())


async def test_ids_that_slurm_cannot_have_reach_no_command(recorded: Recorded) -> None:
    """Goal S7."""
    cluster = Cluster(recorded)
    scheduler = cluster.open()
    await scheduler.capabilities()
    cluster.asked.clear()
    for hostile in ("", "-1", "1;touch x", "1\n2", "$(id)", "--help", "0", "1_", "1_x", "1,2", "١"):
        job_id = JobId(hostile)
        for verb in (scheduler.cancel, scheduler.hold, scheduler.release, scheduler.requeue, scheduler.details):
            with pytest.raises(NotFound):
                await verb(ALICE, job_id)
        assert await scheduler.accounting(JobQuery(ids=frozenset({hostile}))) == ()
    assert cluster.asked == []


async def test_values_that_could_be_options_are_filtered_by_us(recorded: Recorded) -> None:
    cluster = Cluster(recorded)
    query = JobQuery(users=frozenset({"--helpformat", "a,b"}), qos=frozenset({"regular"}))
    assert await cluster.open().accounting(query) == []
    (_, arguments) = cluster.asked[-1]
    assert "--qos=regular" in arguments
    assert not any("helpformat" in each for each in arguments)


@pytest.mark.parametrize("verb", ["requeue", "release", "cancel"])
async def test_a_change_whose_answer_was_lost_is_a_doubt(recorded: Recorded, verb: str) -> None:
    """A requeue that is tried again after a lost answer would throw away what the job has done since."""
    cluster = Cluster(recorded)
    scheduler = cluster.open()
    await scheduler.capabilities()
    cluster.broken = {"scontrol", "scancel"}
    with pytest.raises(Doubtful, match="look whether it took effect"):
        await getattr(scheduler, verb)(ALICE, JobId("12"))
    cluster.words = b"scontrol: error: Munge encode failed: Failed to access socket\n"
    with pytest.raises(Unavailable):
        await getattr(scheduler, verb)(ALICE, JobId("12"))


async def test_parts_that_have_not_started_are_one_job_also_where_accounting_has_them_apart(recorded: Recorded) -> None:
    """As Slurm 26.05 does: the first part is there under the plain id, and the others under ids of their own."""
    cluster = Cluster(recorded)
    scheduler, usual = cluster.open(), cluster.answer
    parted = next(job for job in (await scheduler.queue()).jobs if job.id.endswith("+0")).parent_id
    plain = next(job.id for job in await scheduler.accounting(JobQuery()) if job.id.isdigit())

    def answer(arguments: tuple[str, ...]) -> str:
        text = usual(arguments)
        if arguments == ("sacct", "--helpformat"):
            return f"{text} SLUID\n"
        if arguments[0] == "sacct":
            return re.sub(r"[0-9]{12}[+]0000", "Unknown", text)  # nothing has started
        return text.replace(f"{parted}+", f"{plain}+")

    cluster.answer = answer  # type: ignore[method-assign]
    found = await cluster.open().accounting(JobQuery(ids=frozenset({JobId(plain)})))
    assert [job.id for job in found] == [f"{plain}+0", f"{plain}+1"]


async def test_who_comes_while_slurm_is_probed_shares_the_outcome_and_the_next_one_probes_again(
    recorded: Recorded,
) -> None:
    cluster = Cluster(recorded)
    scheduler = cluster.open()
    cluster.broken = {"scontrol"}
    said = await asyncio.gather(*(scheduler.capabilities() for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in said] == [Unavailable] * 5
    assert len(cluster.asked) == 1
    cluster.broken.clear()
    found = await asyncio.gather(*(scheduler.capabilities() for _ in range(5)))
    assert len(set(found)) == 1
    assert len(cluster.asked) == 2


async def test_a_caller_who_gives_up_does_not_end_the_probe_for_others(recorded: Recorded) -> None:
    cluster = Cluster(recorded)
    scheduler = cluster.open()
    first, second = (asyncio.create_task(scheduler.capabilities()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).name == "slurm"
    assert len(cluster.asked) == 1
    await scheduler.aclose()
