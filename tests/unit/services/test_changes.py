"""No false terminal states: whatever a scheduler answers, a state ends on positive evidence alone."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from superfacility.facility.events import EventKind
from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.facility.people import ProjectName, UserName
from superfacility.services.compute.reading.changes import answered, compare, settle, sweep, unanswered
from superfacility.services.compute.reading.codec import decode, encode
from superfacility.services.compute.reading.trail import Departed, Trail
from superfacility.testing.clocks import START

SYSTEM = "perlmutter"
PATIENCE = timedelta(minutes=10)
STEP = timedelta(seconds=5)
LIVE = [state for state in JobState if not state.terminal]
ENDED = [state for state in JobState if state.terminal]


def job(number: int | str, state: JobState = JobState.RUNNING, **changes) -> Job:
    columns = {"jobid": str(number), "state": state.value}
    ended = START + STEP if state.terminal else None
    made = Job(JobId(str(number)), UserName("alice"), state, columns, submitted_at=START, ended_at=ended)
    return replace(made, **changes)


class World:
    """A scheduler's truth, and what is made of the answers that lie about it."""

    def __init__(self, jobs: dict[str, JobState]) -> None:
        self.truth = jobs
        self.now = START
        self.before: dict[JobId, Job] | None = None
        self.trail = Trail()
        self.states: dict[str, str] = {}
        self.ends: list[str] = []

    def queue(self, hidden: frozenset[str]) -> None:
        listed = [job(each, state) for each, state in self.truth.items() if not state.terminal and each not in hidden]
        self.take(compare(SYSTEM, self.before, self.trail, listed, self.now))
        self.before = {each.id: each for each in listed}

    def accounting(self, hidden: frozenset[str], lagging: frozenset[str]) -> None:
        rows = []
        for each, state in self.truth.items():
            if each not in hidden:
                rows.append(job(each, JobState.RUNNING if each in lagging else state))
        self.take(settle(SYSTEM, self.trail, answered(self.trail.departed.values(), rows), self.now, PATIENCE))

    def take(self, changes) -> None:
        self.trail = decode(encode([], changes.trail))[1]  # a restart between any two steps
        for event in changes.events:
            assert event.kind is EventKind.JOB
            state = JobState(event.data["state"])
            if state.terminal:
                assert self.truth[event.subject] is state, "an end that nobody has seen"
                self.ends.append(event.subject)
            self.states[event.subject] = state.value


ids = st.sampled_from([str(number) for number in range(6)])
some = st.frozensets(ids)
moves = st.one_of(
    st.tuples(st.just("move"), ids, st.sampled_from(LIVE)),
    st.tuples(st.just("end"), ids, st.sampled_from(ENDED)),
    st.tuples(st.just("queue"), some, st.none()),
    st.tuples(st.just("accounting"), some, some),
    st.tuples(st.just("failed"), st.none(), st.none()),
)


@given(st.lists(moves, max_size=40))
def test_every_end_is_true_and_told_once(steps):
    world = World({str(number): JobState.PENDING for number in range(6)})
    world.queue(frozenset())
    for kind, first, second in steps:
        world.now += STEP
        if kind in ("move", "end") and not world.truth[first].terminal:
            world.truth[first] = second
        elif kind == "queue":
            world.queue(first)
        elif kind == "accounting":
            world.accounting(first, second)
        elif kind == "failed":
            world.trail = unanswered(world.trail)
    world.queue(frozenset())
    world.accounting(frozenset(), frozenset())
    assert sorted(world.ends) == sorted(each for each, state in world.truth.items() if state.terminal)
    assert {each: state for each, state in world.states.items() if state != "PENDING"} == {
        each: state.value for each, state in world.truth.items() if state is not JobState.PENDING
    }


def test_before_the_first_reading_nothing_is_known():
    changes = compare(SYSTEM, None, Trail(), [job(1)], START)
    assert changes.events == ()
    assert changes.trail.swept_at == START


def test_a_job_that_comes_back_after_a_garbled_reading_was_never_away():
    before = {JobId("1"): job(1)}
    gone = compare(SYSTEM, before, Trail(), [], START)
    back = compare(SYSTEM, {}, gone.trail, [job(1)], START + STEP)
    assert (gone.events, back.events, dict(back.trail.departed)) == ((), (), {})


def test_lost_only_to_an_accounting_that_answers():
    trail = Trail({JobId("1"): Departed(job(1), START)})
    late = START + 10 * PATIENCE
    first = settle(SYSTEM, trail, {JobId("1"): []}, late, PATIENCE)
    assert first.events == ()
    again = settle(SYSTEM, unanswered(first.trail), {JobId("1"): []}, late + PATIENCE, PATIENCE)
    assert again.events == ()
    (lost,) = settle(SYSTEM, first.trail, {JobId("1"): []}, late + PATIENCE, PATIENCE).events
    assert (lost.kind, lost.data["state"], lost.data["end"]) == (EventKind.JOB_LOST, "RUNNING", "ended_unknown")


def test_an_older_job_of_the_same_id_proves_nothing():
    trail = Trail({JobId("1"): Departed(job(1), START)})
    old = job(1, JobState.COMPLETED, submitted_at=START - 100 * PATIENCE, ended_at=START - 99 * PATIENCE)
    assert settle(SYSTEM, trail, {JobId("1"): [old]}, START, PATIENCE).events == ()


def test_elements_that_start_leave_the_row_of_the_others_without_an_end():
    before = {JobId("7_[1-9]"): job("7_[1-9]", JobState.PENDING)}
    started = compare(SYSTEM, before, Trail(), [job("7_1"), job("7_[2-9]", JobState.PENDING)], START)
    assert {event.subject for event in started.events} == {"7_1", "7_[2-9]"}
    assert dict(started.trail.departed) == {}


def test_an_array_that_is_cancelled_before_it_starts_ends_with_all_of_its_rows():
    before = {JobId("7_[1-3]"): job("7_[1-3]", JobState.PENDING)}
    trail = compare(SYSTEM, before, Trail(), [], START).trail
    rows = [job(f"7_{number}", JobState.CANCELLED) for number in (1, 2, 3)]
    some_run = [*rows[:2], job("7_3")]
    assert settle(SYSTEM, trail, answered(trail.departed.values(), some_run), START, PATIENCE).events == ()
    (end,) = settle(SYSTEM, trail, answered(trail.departed.values(), rows), START, PATIENCE).events
    assert (end.subject, end.data["state"]) == ("7_[1-3]", "CANCELLED")


def test_a_requeued_job_ends_again():
    running, ended = {JobId("1"): job(1)}, job(1, JobState.FAILED)
    first = compare(SYSTEM, running, Trail(), [ended], START)
    back = compare(SYSTEM, {ended.id: ended}, first.trail, [job(1, JobState.PENDING)], START)
    again = compare(SYSTEM, {JobId("1"): job(1, JobState.PENDING)}, back.trail, [ended], START)
    assert [each.events[0].data["state"] for each in (first, back, again)] == ["FAILED", "PENDING", "FAILED"]


def test_what_came_and_went_between_two_readings_is_told_once_and_then_forgotten():
    trail, overlap = Trail(swept_at=START), timedelta(minutes=3)
    ended = [job(1, JobState.COMPLETED), job(2, JobState.COMPLETED, ended_at=START - PATIENCE)]
    first = sweep(SYSTEM, trail, [], ended, START + STEP, overlap)
    assert [event.subject for event in first.events] == ["1"]
    second = sweep(SYSTEM, first.trail, [], ended, START + 2 * STEP, overlap)
    assert second.events == ()
    later = sweep(SYSTEM, second.trail, [], [], START + PATIENCE, overlap)
    assert dict(later.trail.told) == {}


texts = st.text(max_size=5)
times = st.none() | st.datetimes(timezones=st.just(START.tzinfo))


@given(
    st.lists(
        st.builds(
            job,
            st.integers(1, 9),
            st.sampled_from(JobState),
            columns=st.dictionaries(texts, texts, max_size=3),
            name=texts,
            project=st.none() | texts.map(ProjectName),
            exit_code=st.none() | st.integers(0, 255),
            started_at=times,
            elapsed=st.timedeltas(timedelta(), timedelta(days=9)),
        ),
        max_size=4,
    )
)
def test_a_reading_survives_being_written_down(jobs):
    trail = Trail({each.id: Departed(each, START) for each in jobs}, {JobId("9"): START}, START)
    assert decode(encode(jobs, trail)) == (tuple(jobs), trail)


def test_an_end_without_its_time_is_waited_for_and_counts_in_the_end() -> None:
    """Accounting that is not done has no exit code either."""
    trail = Trail({JobId("1"): Departed(job(1), START)})
    rows = {JobId("1"): [job(1, JobState.FAILED, ended_at=None)]}
    changes = settle(SYSTEM, trail, rows, START, PATIENCE)
    assert changes.events == ()
    (event,) = settle(SYSTEM, changes.trail, rows, START + PATIENCE, PATIENCE).events
    assert (event.kind, event.data["state"]) == (EventKind.JOB, "FAILED")


def test_the_end_of_an_earlier_run_ends_nothing_within_the_same_second_either() -> None:
    departed = Departed(job(1, submitted_at=START + STEP), START + 2 * STEP)
    trail = Trail({JobId("1"): departed})
    earlier = job(1, JobState.NODE_FAIL, submitted_at=START, ended_at=START + STEP)
    at_once = job(1, JobState.FAILED, submitted_at=START + STEP, ended_at=START + STEP)
    assert settle(SYSTEM, trail, {JobId("1"): [earlier]}, START + 2 * STEP, PATIENCE).events == ()
    (event,) = settle(SYSTEM, trail, {JobId("1"): [at_once]}, START + 2 * STEP, PATIENCE).events
    assert event.data["state"] == "FAILED"
