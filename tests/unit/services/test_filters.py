"""The white list of filters."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.facility.errors import InvalidInput
from superfacility.facility.jobs import JobQuery
from superfacility.services.compute.filters import check_job_id, job_query, since_midnight

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], JobQuery()),
        (["jobid=1,2", "jobid=3_4"], JobQuery(ids=frozenset({"1", "2", "3_4"}))),
        (["user=a", "partition=x,y"], JobQuery(users=frozenset("a"), partitions=frozenset("xy"))),
        (["account=m1"], JobQuery(projects=frozenset({"m1"}))),
        (["state=pd,RUNNING"], JobQuery(states=frozenset({"PENDING", "RUNNING"}))),
        (["--name=a b"], JobQuery(names=frozenset({"a b"}))),
        (["starttime=now-2hours"], JobQuery(since=NOW - timedelta(hours=2))),
        (["starttime=2026-05-30T00:00:00+00:00", "endtime=now"], JobQuery(since=NOW - timedelta(hours=36), until=NOW)),
        (["jobid="], JobQuery()),
    ],
)  # fmt: skip
def test_filters(arguments, expected):
    assert job_query(arguments, NOW) == expected


@pytest.mark.parametrize("argument", ["", "clusters=x", "jobid=1;2", "user=a\nb", "format=%all", "starttime=soon", "=",
                                      "starttime=now-999999weeks", "endtime=now+999999weeks"])  # fmt: skip
def test_what_is_not_on_the_list(argument):
    with pytest.raises(InvalidInput):
        job_query([argument], NOW)


@pytest.mark.parametrize("text", ["1", "123_7", "123+1", "5_[1-10%2]", "5_[1,3]"])
def test_job_ids(text):
    assert check_job_id(text) == text


@given(st.text())
def test_nothing_else_is_a_job_id(text):
    try:
        check_job_id(text)
    except InvalidInput:
        return
    assert set(text) <= set("0123456789_+[]%,:-")


@given(st.lists(st.text()))
def test_no_filter_is_an_unexpected_error(arguments):
    with suppress(InvalidInput):
        job_query(arguments, NOW)


def test_midnight_is_local_and_not_in_the_future():
    midnight = since_midnight(NOW)
    assert timedelta() <= NOW - midnight < timedelta(days=1)
    assert (midnight.hour, midnight.minute) == (0, 0)


def test_pollers_who_ask_relative_to_now_ask_the_same_of_accounting():
    """And leave nothing out that a question to the microsecond would have found."""
    asked = [job_query(["starttime=now-2days", "endtime=now"], NOW + timedelta(seconds=each / 7)) for each in range(70)]
    assert len(set(asked)) == 2  # the first moment alone is one of those that all share
    for number, each in enumerate(asked):
        now = NOW + timedelta(seconds=number / 7)
        assert timedelta(0) <= now - timedelta(days=2) - each.since < timedelta(seconds=10)
        assert timedelta(0) <= each.until - now < timedelta(seconds=10)
