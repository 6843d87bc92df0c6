"""The adapter's copy is what the daemon has, however the changes came, and stays cheap where little changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from superfacility.adapters.embedded.daemon.queue import Change, Queue
from superfacility.adapters.embedded.mirror import Mirror
from superfacility.adapters.embedded.records import COMPLETED, FAILED, RUNNING, JobRecord, Submission, to_json
from superfacility.adapters.embedded.request.request import JobRequest
from superfacility.facility.jobs import Job, JobQuery

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BEGAN = NOW.timestamp()


def refresh(mirror: Mirror, queue: Queue, page_size: int = 3, instance: str = "one") -> None:
    more = True
    while more:
        page = queue.changes(mirror.version if mirror.instance == instance else 0, page_size)
        mirror.apply(
            {
                "instance": instance,
                "version": page.version,
                "jobs": [to_json(each) for each in page.jobs],
                "submissions": [to_json(each) for each in page.submissions],
                "forgotten": page.forgotten,
                "reset": page.reset,
            }
        )
        more = page.more


def add(queue: Queue, tasks: int = 1) -> None:
    number = queue.next_id
    submission = Submission(number, "demo1", 1001, 100, JobRequest(), "/home", "", BEGAN)
    jobs = [JobRecord(number + place, number, task=place if tasks > 1 else None) for place in range(tasks)]
    queue.apply(Change([submission], jobs, next_id=number + tasks))


def act(queue: Queue, word: str, choice: int) -> None:
    active = [queue.jobs[number] for number in queue.active]
    if word == "submit" or not active:
        add(queue, tasks=1 + choice % 3)
        return
    job = active[choice % len(active)]
    if word == "start":
        queue.apply(Change(jobs=[replace(job, state=RUNNING, started=BEGAN)]))
    elif word == "end":
        queue.apply(Change(jobs=[replace(job, state=FAILED, ended=BEGAN)]))
    else:
        queue.set_reason(job.id, f"because {choice}")


ACTS = st.lists(st.tuples(st.sampled_from(["submit", "start", "end", "why", "look", "restart"]), st.integers(0, 50)))


@given(ACTS)
def test_a_copy_kept_by_changes_is_a_fresh_copy(acts: list[tuple[str, int]]) -> None:
    queue, mirror, instance = Queue(max_jobs=4), Mirror("here"), 0
    for word, choice in acts:
        if word == "look":
            refresh(mirror, queue, instance=str(instance))
            mirror.queue(NOW)
        elif word == "restart":
            instance += 1
        else:
            act(queue, word, choice)
    refresh(mirror, queue, instance=str(instance))
    fresh = Mirror("here")
    refresh(fresh, queue)
    assert mirror.queue(NOW).jobs == fresh.queue(NOW).jobs
    assert [each.id for each in mirror.queue(NOW).jobs] == [queue.jobs[number].public_id for number in queue.active]
    assert mirror.accounting(JobQuery(), NOW) == fresh.accounting(JobQuery(), NOW)


def test_an_unchanged_queue_is_the_same_objects() -> None:
    queue, mirror = Queue(100), Mirror("here")
    add(queue, tasks=50)
    refresh(mirror, queue)
    first, second = mirror.queue(NOW), mirror.queue(NOW + timedelta(seconds=5))
    assert second.jobs is first.jobs
    assert second.version == first.version
    assert second.taken_at == NOW + timedelta(seconds=5)


def test_only_what_changed_is_made_anew() -> None:
    queue, mirror = Queue(100), Mirror("here")
    add(queue, tasks=3)
    refresh(mirror, queue)
    before = mirror.queue(NOW).jobs
    queue.apply(Change(jobs=[replace(queue.jobs[2], state=COMPLETED, ended=BEGAN)]))
    refresh(mirror, queue)
    after = mirror.queue(NOW)
    assert [job.id for job in after.jobs] == ["1_0", "1_2"]
    assert after.jobs[0] is before[0]
    assert after.jobs[1] is before[2]


def test_running_time_goes_on_without_changes() -> None:
    queue, mirror = Queue(100), Mirror("here")
    add(queue)
    queue.apply(Change(jobs=[replace(queue.jobs[1], state=RUNNING, started=BEGAN)]))
    refresh(mirror, queue)
    mirror.queue(NOW)
    later: list[Job] = list(mirror.queue(NOW + timedelta(seconds=90)).jobs)
    assert (later[0].elapsed, later[0].columns["time"]) == (timedelta(seconds=90), "1:30")
