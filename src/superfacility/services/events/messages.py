"""What callbacks say: one JSON object of a type, a time and data, and the same as a mail."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from superfacility.facility.deliveries import Element, Watch
from superfacility.facility.jobs import JobState

ENDED = "job.ended"
LOST = "job.lost"
TIMEOUT = "job.timeout"
REFUSED = "job.refused"
LONGEST_WORDS = 2000
"""Characters of somebody's words that go into a message."""

_SENTENCES = {
    ENDED: "Job {jobid} on {machine} has ended: {state}.",
    LOST: "Job {jobid} on {machine} has left the queue, and the accounting does not know how it ended.",
    TIMEOUT: "Job {jobid} on {machine} has not ended in the time you gave; its state is {state}.",
    REFUSED: "Your submission to {machine} failed: {error}",
}


def ending(watch: Watch, elements: Sequence[Element]) -> tuple[str, Mapping[str, Any]]:
    """Kind and data for a job of which everything has ended.

    An array has completed if each element has; otherwise its state is that of the first that has not. Its exit code is
    the highest.
    """
    ordered = sorted(elements, key=_number)
    lost = any(each.state is None for each in ordered)
    failed: list[JobState] = [
        each.state for each in ordered if each.state is not None and each.state is not JobState.COMPLETED
    ]
    codes = [each.exit_code for each in ordered if each.exit_code is not None]
    data = _data(
        watch,
        state=None if lost else next(iter(failed), JobState.COMPLETED),
        exit_code=max(codes, default=None),
        outcome="ended_unknown" if lost else "ended",
    )
    if len(ordered) > 1 or "_" in ordered[0].job_id:
        data["elements"] = dict(_states(ordered))
    return (LOST if lost else ENDED), data


def timeout(watch: Watch, elements: Sequence[Element]) -> tuple[str, Mapping[str, Any]]:
    """Kind and data for a job that has not ended in time; the state is null before it has one."""
    states = _states(elements)
    data = _data(watch, state=next(iter(states), None), exit_code=None, outcome="not_ended")
    if any("_" in each.job_id for each in elements):
        data["elements"] = dict(states)
        data["state"] = next((each.state for each in elements if not each.over), data["state"])
    return TIMEOUT, data


def refusal(watch: Watch, words: str, *, certain: bool) -> tuple[str, Mapping[str, Any]]:
    """Kind and data for a submission that made no job, or (not `certain`) of which nobody knows whether it made one."""
    outcome = "no_job" if certain else "unknown"
    return REFUSED, {**_data(watch, state=None, exit_code=None, outcome=outcome), "error": words[:LONGEST_WORDS]}


def body(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The message as it is signed and sent."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"type": kind, "timestamp": stamp, "data": data}, default=dict).decode()


def mail(message: str) -> tuple[str, str]:
    """Subject and text that say the same."""
    content = orjson.loads(message)
    data = {**content["data"], "jobid": content["data"]["jobid"] or "(none yet)"}
    sentence = _SENTENCES[content["type"]].format_map({**data, "state": data["state"] or "not known yet"})
    lines = [f"{name}: {_plain(value)}" for name, value in content["data"].items() if value is not None]
    subject = " ".join(sentence.split("\n", 1)[0].split())[:200]
    return subject, "\n".join([sentence, "", *lines, f"time: {content['timestamp']}", ""])


def _plain(value: Any) -> str:
    return ", ".join(f"{count} {name}" for name, count in value.items()) if isinstance(value, dict) else str(value)


def _data(watch: Watch, *, state: str | None, exit_code: int | None, outcome: str) -> dict[str, Any]:
    return {
        "machine": watch.system,
        "jobid": watch.job_id,
        "task_id": watch.task_id,
        "state": state,
        "exit_code": exit_code,
        "outcome": outcome,
    }


def _states(elements: Sequence[Element]) -> Counter[str]:
    return Counter("ended_unknown" if each.state is None else each.state.value for each in elements)


def _number(element: Element) -> tuple[int, str]:
    digits = element.job_id.partition("_")[2].lstrip("[").partition("-")[0].partition(",")[0]
    return (int(digits) if digits.isdecimal() else -1, element.job_id)
