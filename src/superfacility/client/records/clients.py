"""Registered clients, what their levels may do, and requests for more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from superfacility.client.records.reading import Row, moment, record, rows, text, words


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
    strict: bool = False
    """It proves itself as FAPI 2.0 asks for alone."""
    dpop: bool = False
    """Its tokens work with a key that it shows alone (RFC 9449)."""
    keys: tuple[str, ...] = ()
    """The thumbprints of its public keys (RFC 7638)."""

    @classmethod
    def of(cls, row: Row) -> "RegisteredClient":
        comments = text(row, "comments")
        level = text(row, "level")
        if not level and comments.endswith(" client"):
            level = comments.removesuffix(" client")
        return record(
            cls,
            row,
            id=text(row, "clientId", "client_id", "id"),
            level=level,
            expires_at=moment(row.get("expiresAt") or row.get("expires_at")),
            state=text(row, "state", "status"),
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
        return record(cls, row if isinstance(row, Mapping) else {})


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
        return record(
            cls,
            row,
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
        named = {text(each, "name"): words(each, "ranges") for each in rows(row.get("presets"))}
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
    scopes: tuple[str, ...] = ()
    globus: bool = False
    strict: bool = False
    dpop: bool = False
    comments: str = ""
    decided_at: datetime | None = None

    @classmethod
    def of(cls, row: Row) -> "ClientRequest":
        return record(cls, row)
