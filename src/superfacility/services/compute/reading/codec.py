"""Readings as bytes: column by column, because most columns of a queue say the same in every row."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields as fields_of
from datetime import datetime, timedelta
from typing import Any

import orjson

from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.services.compute.reading.trail import Departed, Trail

_LEVEL = 1
_ORDER = tuple(each.name for each in fields_of(Job))
_STATES = {state.value: state for state in JobState}
_NOTHING = timedelta()
_PLAIN = ("id", "user", "name", "project", "partition", "qos", "reservation", "cpus", "nodes", "exit_code")
_NEWER = {"features": "", "gpus": None}
"""Fields that a reading of an older version lacks."""
_TIMES = ("submitted_at", "started_at", "ended_at")


def encode(jobs: Sequence[Job], trail: Trail) -> bytes:
    """The same jobs and trail always give the same bytes."""
    departed = list(trail.departed.values())
    return zlib.compress(
        orjson.dumps(
            {
                "jobs": _table(jobs),
                "departed": _table([each.job for each in departed]),
                "left_at": [each.left_at for each in departed],
                "asked_at": [each.asked_at for each in departed],
                "told": dict(trail.told),
                "swept_at": trail.swept_at,
            }
        ),
        _LEVEL,
    )


def decode(payload: bytes) -> tuple[tuple[Job, ...], Trail]:
    """What `encode` was given."""
    content = orjson.loads(zlib.decompress(payload))
    gone = zip(_jobs(content["departed"]), content["left_at"], content["asked_at"], strict=True)
    trail = Trail(
        departed={job.id: Departed(job, datetime.fromisoformat(left), _time(asked)) for job, left, asked in gone},
        told={JobId(job_id): datetime.fromisoformat(at) for job_id, at in content["told"].items()},
        swept_at=_time(content["swept_at"]),
    )
    return tuple(_jobs(content["jobs"])), trail


def _table(jobs: Sequence[Job]) -> dict[str, Any]:
    keys = list(jobs[0].columns) if jobs else []
    alike = all(list(job.columns) == keys for job in jobs)
    return {
        "count": len(jobs),
        "fields": _columns(
            (name, [getattr(job, name) for job in jobs]) for name in (*_PLAIN, *_NEWER, *_TIMES, "state")
        ),
        "elapsed": [job.elapsed.total_seconds() for job in jobs],
        "keys": keys,
        "cells": _columns(zip(keys, map(list, zip(*[job.columns.values() for job in jobs], strict=True)), strict=True))
        if alike and jobs
        else None,
        "rows": None if alike else [dict(job.columns) for job in jobs],
    }


def _columns(named: Iterable[tuple[str, list[Any]]]) -> dict[str, Any]:
    """A column whose values are all the same is that value alone; any other is a list."""
    return {name: values[0] if _alike(values) else values for name, values in named}


def _alike(values: list[Any]) -> bool:
    """Two that differ are mostly found at the ends, without a look at all."""
    return bool(values) and values[0] == values[-1] and values.count(values[0]) == len(values)


def _jobs(table: Mapping[str, Any]) -> list[Job]:
    count = table["count"]
    if not count:
        return []
    fields = {**_NEWER, **table["fields"]}
    columns: dict[str, Iterable[Any]] = {name: _spread(each, count) for name, each in fields.items()}
    for name in _TIMES:
        columns[name] = map(_time, columns[name])
    columns["state"] = map(_STATES.__getitem__, columns["state"])
    columns["elapsed"] = [timedelta(seconds=each) if each else _NOTHING for each in table["elapsed"]]
    columns["columns"] = table["rows"] or _rows(table, count)
    return list(map(Job, *(columns[name] for name in _ORDER)))


def _rows(table: Mapping[str, Any], count: int) -> list[dict[str, str]]:
    keys = table["keys"]
    if not keys:
        return [{} for _ in range(count)]
    columns = [_spread(table["cells"][key], count) for key in keys]
    return [dict(zip(keys, row)) for row in zip(*columns)]  # noqa: B905 - `encode` made them equally long


def _spread(values: Any, count: int) -> list[Any]:
    return values if isinstance(values, list) else [values] * count


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
