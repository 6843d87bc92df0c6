"""Bodies of `/status`, and how they are made from a view of the board."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from superfacility.facility.status import Note, Outage, OutageStatus, Resource, ResourceName, ResourceState
from superfacility.services.status import StatusView


class ResourceStatus(BaseModel):
    """How a resource is now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "perlmutter",
                    "full_name": "Perlmutter",
                    "description": "System is active",
                    "system_type": "compute",
                    "notes": [],
                    "status": "active",
                    "updated_at": "2026-05-31T09:30:00+00:00",
                }
            ]
        }
    )

    name: str
    full_name: str
    description: str
    system_type: str = Field(description="`compute`, `filesystem`, `service` or `storage`.")
    notes: list[str] = Field(description="Outages in effect and announcements, in words.")
    status: ResourceState = Field(
        description="`active`: fully functional; `degraded`: works, possibly slower; `unavailable`: down or in "
        "maintenance; `other`: not defined."
    )
    updated_at: datetime = Field(description="When this last changed.")


class OutageRecord(BaseModel):
    """A downtime: planned, in effect or past."""

    name: str = Field(description="The resource.")
    start_at: datetime | None
    end_at: datetime | None
    description: str | None
    notes: str | None
    status: OutageStatus | None
    swo: str | None = Field(description="`true`: the whole system is out; `degr`: degraded; `fals`: no effect.")
    update_at: datetime | None


class NoteRecord(BaseModel):
    """An announcement about a resource."""

    name: str = Field(description="The resource.")
    notes: str | None
    active: bool = False
    timestamp: datetime | None


def resource_row(view: StatusView, resource: Resource) -> dict[str, Any]:
    """The seven keys, none of them null."""
    return {
        "name": resource.name,
        "full_name": resource.full_name,
        "description": resource.description,
        "system_type": resource.kind,
        "notes": _sentences(view, resource.name),
        "status": resource.state,
        "updated_at": resource.updated_at or view.taken_at,
    }


def outage_row(outage: Outage) -> dict[str, Any]:
    return {
        "name": outage.resource,
        "start_at": outage.start_at,
        "end_at": outage.end_at,
        "description": outage.description,
        "notes": outage.notes,
        "status": outage.status,
        "swo": outage.impact,
        "update_at": outage.updated_at,
    }


def note_row(note: Note) -> dict[str, Any]:
    return {"name": note.resource, "notes": note.text, "active": note.active, "timestamp": note.timestamp}


def all_resources(view: StatusView) -> bytes:
    return orjson.dumps([resource_row(view, each) for each in view.resources])


def one_resource(name: str) -> Callable[[StatusView], bytes]:
    return lambda view: orjson.dumps(resource_row(view, view.resource(name)))


def all_outages(view: StatusView) -> bytes:
    return _lists([[outage_row(each) for each in view.outages.get(resource.name, ())] for resource in view.resources])


def outages_of(name: str) -> Callable[[StatusView], bytes]:
    return lambda view: orjson.dumps([outage_row(each) for each in view.outages.get(view.resource(name).name, ())])


def all_planned(view: StatusView) -> bytes:
    return _lists([[outage_row(each) for each in view.planned(resource.name)] for resource in view.resources])


def planned_of(name: str) -> Callable[[StatusView], bytes]:
    return lambda view: orjson.dumps([outage_row(each) for each in view.planned(view.resource(name).name)])


def all_notes(view: StatusView) -> bytes:
    return _lists([[note_row(each) for each in view.notes.get(resource.name, ())] for resource in view.resources])


def notes_of(name: str) -> Callable[[StatusView], bytes]:
    return lambda view: orjson.dumps([note_row(each) for each in view.notes.get(view.resource(name).name, ())])


def _lists(lists: list[list[dict[str, Any]]]) -> bytes:
    """One inner list a resource; programs take the resource's name from its first row, so none is empty."""
    return orjson.dumps([each for each in lists if each])


def _sentences(view: StatusView, name: ResourceName) -> list[str]:
    outages = [
        each for each in view.outages.get(name, ()) if each.status in {OutageStatus.ACTIVE, OutageStatus.EXTENDED}
    ]
    notes = [each.text for each in view.notes.get(name, ()) if each.active]
    return [_sentence(each) for each in outages] + notes


def _sentence(outage: Outage) -> str:
    end = outage.end_at.strftime("%Y-%m-%d %H:%M %Z") if outage.end_at else "until further notice"
    text = f"{outage.start_at:%Y-%m-%d %H:%M} -- {end}, {outage.description}"
    return f"{text}, {outage.notes}" if outage.notes else text
