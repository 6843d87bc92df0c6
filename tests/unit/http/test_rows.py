"""Rows of jobs, rendered in pieces."""

import json

import pytest

from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.facility.people import UserName
from superfacility.http.rows import rows_of


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_the_pieces_are_one_list(count):
    jobs = [
        Job(JobId(str(each)), UserName("ada"), JobState.RUNNING, {"jobid": str(each), "name": "a,][b"})
        for each in range(count)
    ]
    assert json.loads(rows_of(jobs)) == [dict(job.columns) for job in jobs]
