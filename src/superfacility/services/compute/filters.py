"""The filters of a job listing: `name=value` as people pass them to squeue and sacct, from a white list."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from superfacility.facility.errors import InvalidInput
from superfacility.facility.jobs import JobId, JobQuery

_FIELDS = {
    "jobid": "ids",
    "jobs": "ids",
    "user": "users",
    "account": "projects",
    "partition": "partitions",
    "qos": "qos",
    "state": "states",
    "name": "names",
}
_TIMES = {"starttime": "since", "endtime": "until"}
_ALLOWED = ("jobid", "user", "partition", "qos", "state", "account", "name", "starttime", "endtime")
_STATE_CODES = {
    "BF": "BOOT_FAIL", "CA": "CANCELLED", "CD": "COMPLETED", "CF": "CONFIGURING", "CG": "COMPLETING",
    "DL": "DEADLINE", "F": "FAILED", "NF": "NODE_FAIL", "OOM": "OUT_OF_MEMORY", "PD": "PENDING", "PR": "PREEMPTED",
    "R": "RUNNING", "S": "SUSPENDED", "ST": "STOPPED", "TO": "TIMEOUT",
}  # fmt: skip
_TOGETHER = 10
"""Seconds."""
_JOB_ID = re.compile(r"[0-9]{1,19}(_([0-9]{1,10}|\[[0-9,%:-]{1,200}\])|\+[0-9]{1,6})?")
_RELATIVE = re.compile(r"now(?:([+-])([0-9]{1,6})(second|minute|hour|day|week)s?)?")


def check_job_id(text: str) -> JobId:
    """`123`, `123_7`, `123_[1-5]` or `123+1`; anything else is `InvalidInput`."""
    if not _JOB_ID.fullmatch(text):
        raise InvalidInput(f"{text!r} is not a job id; ids look like 123 or, for an element of an array, 123_7.")
    return JobId(text)


def job_query(arguments: Iterable[str], now: datetime) -> JobQuery:
    """`InvalidInput` for a filter that is not on the list or a value that cannot be one."""
    found: dict[str, Any] = {}
    for each in arguments:
        name, _, value = each.partition("=")
        name = name.strip().lstrip("-").lower()
        if name in _TIMES:
            found[_TIMES[name]] = _time(name, value, now)
        elif name in _FIELDS:
            key = _FIELDS[name]
            found[key] = found.get(key, frozenset()) | _values(name, value)
        else:
            raise InvalidInput(f"Unknown filter {name!r} in kwargs; use {', '.join(_ALLOWED)}.")
    return JobQuery(**found)


def since_midnight(now: datetime) -> datetime:
    """Where sacct's listing begins by default: the last midnight of the facility's own time zone."""
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def _values(name: str, text: str) -> frozenset[str]:
    values = [each.strip() for each in text.split(",") if each.strip()]
    if any(not each.isprintable() for each in values):
        raise InvalidInput(f"The filter {name!r} in kwargs has a value with control characters.")
    convert: Callable[[str], str] = {"jobid": check_job_id, "jobs": check_job_id, "state": _state}.get(name, str)
    return frozenset(convert(each) for each in values)


def _state(text: str) -> str:
    return _STATE_CODES.get(text.upper(), text.upper())


def _time(name: str, text: str, now: datetime) -> datetime | None:
    """ISO 8601 (without an offset: the facility's local time), `now`, `now-2hours`, `today` or `midnight`."""
    text = text.strip()
    if not text:
        return None
    if text in {"today", "midnight"}:
        return since_midnight(now)
    try:
        if relative := _RELATIVE.fullmatch(text):
            return _from_now(relative, _shared(now, later=name == "endtime"))
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{name} in kwargs is not a time: {text!r}; write it like 2026-05-31T18:00:00 or now-2hours."
        ) from error


def _shared(now: datetime, *, later: bool) -> datetime:
    """The present as all have it who ask within a few seconds: else each poller's `now-2days` would be a question of
    its own to the accounting. Earlier for a beginning and `later` for an end, so that nothing is left out."""
    since = now.timestamp() % _TOGETHER
    return now - timedelta(seconds=since) + timedelta(seconds=_TOGETHER if later and since else 0)


def _from_now(found: re.Match[str], now: datetime) -> datetime:
    """`OverflowError` beyond the calendar's ends."""
    sign, count, unit = found.groups()
    step = timedelta(**{f"{unit}s": int(count)}) if unit else timedelta()
    return now - step if sign == "-" else now + step
