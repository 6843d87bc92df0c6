"""Bodies of `/meta`."""

import datetime

from pydantic import BaseModel, ConfigDict, Field

from superfacility.services.meta import Change


class ChangelogEntry(BaseModel):
    """One change of the service."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"date": "2026-05-31", "change": "First release."}]})

    date: datetime.date | None = Field(description="The day of the change.")
    change: str | None = Field(description="What changed.")

    @classmethod
    def of(cls, change: Change) -> "ChangelogEntry":
        return cls(date=change.date, change=change.change)


class ConfigurationEntry(BaseModel):
    """One fact about this installation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"key": "compute.targets", "value": "perlmutter,dtns"}]})

    key: str
    value: str | None
