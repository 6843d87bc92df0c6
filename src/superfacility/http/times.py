"""How times look on the wire: ISO 8601 with a numeric offset, because not every parser in use knows `Z`."""

from datetime import datetime
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

Timestamp = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A time in an answer."""


def age_headers(as_of: datetime) -> dict[str, str]:
    """What an answer, also a 304, says of the reading that it rests on."""
    return {"x-data-as-of": as_of.isoformat(), "cache-control": "no-cache, private"}
