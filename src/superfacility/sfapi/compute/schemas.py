"""Bodies of `/compute`, and how they are made from jobs."""

from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from superfacility.facility.jobs import JobScript
from superfacility.services.compute.submissions import Callback
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
    data_as_of: str | None = Field(
        default=None, description="When the reading began that the rows are from (ISO 8601 with an offset)."
    )
    stale: bool = Field(
        default=False, description="The reading is older than it should be: the scheduler does not answer."
    )


class JobTask(BaseModel):
    """The task that does what was asked for; follow it with `GET /tasks/{id}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task_id": "703", "status": "OK", "error": None}]})

    task_id: str = Field(description="Empty on an error.")
    status: Literal["OK", "ERROR"]
    error: str | None
    warning: str | None = Field(
        default=None, description="What you should know although it is done: no hours are left. Only then it is there."
    )

    @model_serializer(mode="wrap")
    def _without_empty_warning(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialise(self)
        if fields.get("warning") is None:
            fields.pop("warning", None)
        return fields


class JobForm(BaseModel):
    """A job to submit."""

    job: str = Field(
        description="The text of a batch script, or its path on the machine.",
        examples=["#!/bin/bash\n#SBATCH --time=5\nhostname\n"],
    )
    is_path: bool = Field(alias="isPath", description="Whether `job` is a path.", examples=[False])
    args: list[str] = Field(default=[], description="Arguments of a script given by its path; repeat the key.")
    callback_url: str | None = Field(
        default=None,
        alias="callbackUrl",
        description="Called (signed POST) when the job has ended; https, a public address.",
    )
    callback_email: str | None = Field(
        default=None, alias="callbackEmail", description="Mailed when the job has ended."
    )
    callback_timeout: int | None = Field(
        default=None,
        alias="callbackTimeout",
        description="Seconds after which you are told although the job has not ended; 0: never.",
    )

    def script(self) -> JobScript:
        if self.is_path:
            return JobScript(path=self.job, arguments=tuple(each for each in self.args if each))
        return JobScript(text=self.job)

    def callback(self) -> Callback:
        return Callback(self.callback_url, self.callback_email, self.callback_timeout)


def problem(error: Exception) -> bytes:
    """A `JobOutput` that says why there are no rows."""
    return orjson.dumps({"status": "ERROR", "output": [], "error": str(error)})


def accepted(task: Task) -> JobTask:
    return JobTask(task_id=task.id, status="OK", error=None, warning=task.intent.get("warning"))


def refused(error: Exception) -> JobTask:
    return JobTask(task_id="", status="ERROR", error=str(error))
