"""Views of the queue: their indexes, their age, and what ten thousand jobs cost."""

from datetime import UTC, datetime

from superfacility.facility.jobs import Job, JobId, JobQuery, JobState
from superfacility.facility.people import UserName
from superfacility.services.compute.reading.view import QueueContent, QueueView

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)


def job(job_id: str, user: str = "demo1") -> Job:
    return Job(JobId(job_id), UserName(user), JobState.RUNNING, {"jobid": job_id})


def view(*jobs: Job) -> QueueView:
    return QueueView(QueueContent(jobs), NOW, 0.0)


def ids(found) -> list[str]:
    return [each.id for each in found]


def test_a_job_and_the_elements_of_an_array():
    found = view(job("7"), job("9_1"), job("9_2"))
    assert ids(found.with_id("7")) == ["7"]
    assert ids(found.with_id("9")) == ["9_1", "9_2"]
    assert ids(found.with_id("9_2")) == ["9_2"]
    assert ids(found.with_id("8")) == []


def test_the_parts_of_a_heterogeneous_job_are_found_by_its_id():
    found = view(job("7"), job("9+0"), job("9+1"), job("10"))
    assert ids(found.with_id("9")) == ["9+0", "9+1"]
    assert ids(found.with_id("9+1")) == ["9+1"]
    assert ids(found.select(JobQuery(ids=frozenset({"10", "9", "7"})))) == ["7", "9+0", "9+1", "10"]


def test_selections_are_what_the_query_matches():
    plain = [job(str(number), f"user{number % 7}") for number in range(1, 50)]
    jobs = [*plain, job("60_1"), job("60_2")]
    found = view(*jobs)
    for query in (
        JobQuery(),
        JobQuery(ids=frozenset({"3", "60", "99"})),
        JobQuery(ids=frozenset({"60", "60_1"})),
        JobQuery(users=frozenset({"user3"})),
        JobQuery(users=frozenset({"user3", "user4"}), ids=frozenset({"3", "4", "5"})),
    ):
        assert ids(found.select(query)) == [each.id for each in jobs if query.matches(each)]


def test_one_of_ten_thousand_is_found_without_looking_at_all(monkeypatch):
    found = view(*(job(str(number), f"user{number % 1000}") for number in range(10_000)))
    looked_at: list[Job] = []
    matches = JobQuery.matches
    monkeypatch.setattr(JobQuery, "matches", lambda query, job: looked_at.append(job) or matches(query, job))
    assert len(found.select(JobQuery(ids=frozenset({"77"})))) == 1
    assert len(found.select(JobQuery(users=frozenset({"user77"})))) == 10
    assert len(looked_at) == 11
