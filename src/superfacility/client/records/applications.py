"""Registered applications, which people log in to."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from superfacility.client.records.reading import Row, record, rows, text

_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


@dataclass(frozen=True, slots=True)
class Application:
    """`owner` has registered it; where it has a `project`, those who manage that may change it."""

    id: str
    name: str
    owner: str
    project: str
    level: str
    approval: str
    """What staff have said: `pending`, `approved` or `refused`."""
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    logout_uris: tuple[str, ...]
    homepage: str
    keys: tuple[str, ...]
    """The thumbprints of its public keys (RFC 7638); without any it is public."""
    profile: str
    device: bool
    dpop: bool
    resource_server: bool
    """It may ask what any access token is worth."""
    created_at: datetime | None
    revoked_at: datetime | None
    fingerprint: str
    """Another one as soon as anything else of it changes, but for the approval."""

    @classmethod
    def of(cls, row: Row) -> "Application":
        return record(cls, row, keys=tuple(map(_thumbprint, rows(row.get("keys")))))


def _thumbprint(key: Row) -> str:
    """Of the key as it was sent, so that nobody has to be believed."""
    members = {name: text(key, name) for name in _MEMBERS.get(text(key, "kty"), ())}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
