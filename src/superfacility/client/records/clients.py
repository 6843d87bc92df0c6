"""Registered clients, what their levels may do, and requests for more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from superfacility.client.records.reading import Row, moment, number, rows, text, whole_number


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A program that may call the API. What a server does not tell is empty."""

    id: str
    name: str
    level: str
    expires_at: datetime | None
    user: str
    ranges: tuple[str, ...]
    state: str
    comments: str
    scopes: tuple[str, ...] = ()
    project: str = ""
    globus: bool = False
    made_by: str = ""
    holder: str = ""
    keys: tuple[str, ...] = ()
    """The thumbprints of its public keys (RFC 7638)."""

    @classmethod
    def of(cls, row: Row) -> "RegisteredClient":
        comments = text(row, "comments")
        level = text(row, "level")
        if not level and comments.endswith(" client"):
            level = comments.removesuffix(" client")
        return cls(
            id=text(row, "clientId", "client_id", "id"),
            name=text(row, "name"),
            level=level,
            expires_at=moment(row.get("expiresAt") or row.get("expires_at")),
            user=text(row, "user"),
            ranges=_words(row, "ranges"),
            state=text(row, "state", "status"),
            comments=comments,
            scopes=_words(row, "scopes"),
            project=text(row, "project"),
            globus=bool(row.get("globus")),
            made_by=text(row, "made_by"),
            holder=text(row, "holder"),
            keys=tuple(text(each, "thumbprint") for each in rows(row.get("keys"))),
        )


@dataclass(frozen=True, slots=True)
class LevelBounds:
    """How far a client of a level goes; None where the server does not say."""

    days: float | None
    ranges: int | None
    ipv4_prefix: int | None
    ipv6_prefix: int | None

    @classmethod
    def of(cls, row: Any) -> "LevelBounds":
        found: Row = row if isinstance(row, Mapping) else {}
        names = ("ranges", "ipv4_prefix", "ipv6_prefix")
        return cls(number(found, "days"), *(whole_number(found, name) for name in names))


@dataclass(frozen=True, slots=True)
class ClientLevel:
    """What a level may do, by itself and with a look by staff. `scopes` with what they mean."""

    level: str
    meaning: str
    without_review: LevelBounds
    with_review: LevelBounds
    scopes: Mapping[str, str]

    @classmethod
    def of(cls, row: Row) -> "ClientLevel":
        return cls(
            level=text(row, "level"),
            meaning=text(row, "meaning"),
            without_review=LevelBounds.of(row.get("without_review")),
            with_review=LevelBounds.of(row.get("with_review")),
            scopes={text(each, "scope"): text(each, "meaning") for each in rows(row.get("scopes"))},
        )


@dataclass(frozen=True, slots=True)
class ClientAddresses:
    """The address that the facility sees the caller at, and its own networks by name."""

    address: str
    networks: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, row: Row) -> "ClientAddresses":
        named = {text(each, "name"): _words(each, "ranges") for each in rows(row.get("presets"))}
        return cls(text(row, "address"), named)


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A client that staff are asked for. `key` is the thumbprint of its public key."""

    id: str
    state: str
    requester: str
    user: str
    name: str
    level: str
    days: float | None
    ranges: tuple[str, ...]
    project: str
    purpose: str
    key: str
    created_at: datetime | None
    decided_by: str
    reason: str
    client_id: str

    @classmethod
    def of(cls, row: Row) -> "ClientRequest":
        return cls(
            id=text(row, "id"),
            state=text(row, "state"),
            requester=text(row, "requester"),
            user=text(row, "user"),
            name=text(row, "name"),
            level=text(row, "level"),
            days=number(row, "days"),
            ranges=_words(row, "ranges"),
            project=text(row, "project"),
            purpose=text(row, "purpose"),
            key=text(row, "key"),
            created_at=moment(row.get("created_at")),
            decided_by=text(row, "decided_by"),
            reason=text(row, "reason"),
            client_id=text(row, "client_id"),
        )


def _words(row: Row, name: str) -> tuple[str, ...]:
    return tuple(map(str, row.get(name) or ()))
