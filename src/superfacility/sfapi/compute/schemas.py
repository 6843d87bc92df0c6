"""Bodies of `/compute`, and how they are made from jobs."""

from collections.abc import Sequence
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from superfacility.facility.jobs import Job, JobScript
from superfacility.services.submissions import Callback
from superfacility.tasks.task import Task


class JobOutput(BaseModel):
    """Rows of squeue or sacct; all values are strings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "OK", "output": [{"jobid": "43778070", "state": "RUNNING"}], "error": None}]
        }
    )

    status: Literal["OK", "ERROR"]
    output: list[dict[str, str]] = Field(description="Empty where nothing matches, and on an error.")
    error: str | None


class JobTask(BaseModel):
    """The task that does what was asked for; follow it with `GET /tasks/{id}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task_id": "703", "status": "OK", "error": None}]})

    task_id: str = Field(description="Empty on an error.")
    status: Literal["OK", "ERROR"]
    error: str | None


class JobForm(BaseModel):
    """A job to submit."""

    job: str = Field(
        description="The text of a batch script, or its path on the machine.",
        examples=["#!/bin/bash\n#SBATCH --time=5\nhostname\n"],
    )
    is_path: bool = Field(alias="isPath", description="Whether `job` is a path.", examples=[False])
    args: list[str] = Field(default=[], description="Arguments of a script given by its path; repeat the key.")
    callback_url: str | None = Field(default=None, alias="callbackUrl", description="Kept with the job.")
    callback_email: str | None = Field(default=None, alias="callbackEmail", description="Kept with the job.")
    callback_timeout: int | None = Field(default=None, alias="callbackTimeout", description="Kept with the job.")

    def script(self) -> JobScript:
        if self.is_path:
            return JobScript(path=self.job, arguments=tuple(each for each in self.args if each))
        return JobScript(text=self.job)

    def callback(self) -> Callback:
        return Callback(self.callback_url, self.callback_email, self.callback_timeout)


def rows(jobs: Sequence[Job]) -> bytes:
    """A `JobOutput` of these jobs."""
    return orjson.dumps({"status": "OK", "output": [job.columns for job in jobs], "error": None}, default=dict)


def problem(error: Exception) -> bytes:
    """A `JobOutput` that says why there are no rows."""
    return orjson.dumps({"status": "ERROR", "output": [], "error": str(error)})


def accepted(task: Task) -> JobTask:
    return JobTask(task_id=task.id, status="OK", error=None)


def refused(error: Exception) -> JobTask:
    return JobTask(task_id="", status="ERROR", error=str(error))
