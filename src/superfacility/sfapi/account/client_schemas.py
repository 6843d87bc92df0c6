"""Bodies of `/account/clients` beyond the contract's list, and how they are made from the domain."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from superfacility.oauth.client_keys import thumbprint
from superfacility.oauth.clients import Client
from superfacility.oauth.registration.collaborations import CollaborationAccount
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.clients import Bounds, Wish
from superfacility.services.clients.offers import LevelOffer

LevelName = Literal["green", "yellow", "orange", "red"]
RANGES = "Where it may call from: CIDRs, names of the facility's networks, or `mine` for the address you call from."
PROOF = "If left out, as the program that makes it; where a person makes it, not."
DAYS = Field(None, gt=0, le=3660, description="How long it lives from now; as long as its level may, if left out.")
FORM: dict[str, Any] = {
    "name": "beamline 7",
    "level": "orange",
    "ranges": ["mine", "192.0.2.0/24"],
    "public_key": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    "scopes": ["utilities.files:read", "utilities.files:write"],
    "days": 14,
}


class ClientForm(BaseModel):
    """A client to create. The key pair is made by you; the public half alone is sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [FORM]})

    name: str = Field(description="For people.", max_length=200)
    level: LevelName = Field(description="How much it may do; it stays for life.")
    ranges: list[str] = Field(description=RANGES)
    public_key: dict[str, Any] | str = Field(description="A public key: a JWK, or PEM.")
    scopes: list[str] | None = Field(None, description="Fewer than its level has; all of them, if left out.")
    days: float | None = DAYS
    comments: str = Field("", description="Anything worth remembering.", max_length=4000)
    user: str | None = Field(None, description="A collaboration account that it acts as; you, if left out.")
    project: str | None = Field(None, description="Bind its jobs, files and transfers to one project.")
    globus: bool = Field(False, description="It may copy between named endpoints where the facility asks for that.")
    strict: bool | None = Field(None, description=f"It proves itself as FAPI 2.0 asks for alone. {PROOF}")
    dpop: bool | None = Field(None, description=f"Its tokens work with a key that it shows alone (RFC 9449). {PROOF}")

    def wish(self) -> Wish:
        return Wish(
            name=self.name,
            level=SecurityLevel.from_label(self.level),
            ranges=tuple(self.ranges),
            key=self.public_key,
            scopes=None if self.scopes is None else tuple(self.scopes),
            lifetime=lifetime(self.days),
            comments=self.comments,
            user=self.user,
            project=self.project,
            globus=self.globus,
            strict=self.strict,
            dpop=self.dpop,
        )


class ClientChange(BaseModel):
    """What is left out stays."""

    name: str | None = Field(None, max_length=200)
    ranges: list[str] | None = Field(None, description=f"In place of those it has. {RANGES}")
    scopes: list[str] | None = Field(None, description="In place of those it has.")
    comments: str | None = Field(None, max_length=4000)


class Renewal(BaseModel):
    """How long it shall live from now."""

    days: float | None = DAYS


class NewKey(BaseModel):
    """Another public key."""

    public_key: dict[str, Any] | str = Field(description="A public key: a JWK, or PEM.")
    overlap_hours: float = Field(0, ge=0, le=168, description="How long the old key is good beside it; 0: not at all.")


class KeyRecord(BaseModel):
    """A public key of a client, by its name (RFC 7638)."""

    thumbprint: str
    type: str = Field(description="`RSA`, `EC` or `OKP`.")
    until: datetime | None = Field(description="The end of one that was replaced.")


class ClientDetails(BaseModel):
    """A registered program in full."""

    id: str = Field(description="Its `client_id`.")
    name: str
    user: str = Field(description="As whom it acts.")
    level: LevelName
    state: Literal["active", "expired", "revoked"]
    scopes: list[str]
    ranges: list[str]
    keys: list[KeyRecord]
    project: str | None = Field(description="The one project that it is bound to.")
    globus: bool
    strict: bool = Field(description="It proves itself as FAPI 2.0 asks for alone.")
    dpop: bool = Field(description="Its tokens work with a key that it shows alone (RFC 9449).")
    made_by: str | None = Field(description="The client that made it, if no person did: it ends with that one.")
    holder: str | None = Field(description="Who has its key, if not its user: it works while they manage the account.")
    created_at: datetime
    expires_at: datetime
    renewed_at: datetime | None
    revoked_at: datetime | None
    comments: str

    @classmethod
    def of(cls, client: Client, now: datetime) -> "ClientDetails":
        return cls(
            id=client.id,
            name=client.name,
            user=client.user,
            level=client.level.label,
            state="revoked" if client.revoked_at else "active" if client.in_force(now) else "expired",
            scopes=sorted(client.scopes),
            ranges=list(client.ranges),
            keys=[
                KeyRecord(thumbprint=thumbprint(key.jwk), type=key.jwk["kty"], until=key.until)
                for key in client.keys_at(now)
            ],
            project=client.project,
            globus=client.globus,
            strict=client.strict,
            dpop=client.dpop,
            made_by=client.made_by,
            holder=client.holder,
            created_at=client.created_at,
            expires_at=client.expires_at,
            renewed_at=client.renewed_at,
            revoked_at=client.revoked_at,
            comments=client.comments,
        )


class LevelBounds(BaseModel):
    """How far a client of a level goes."""

    days: float = Field(description="How long it lives at most.")
    ranges: int = Field(description="How many source ranges it has at most; a named network counts as one.")
    ipv4_prefix: int = Field(description="The shortest prefix of an IPv4 range.")
    ipv6_prefix: int = Field(description="The shortest prefix of an IPv6 range.")

    @classmethod
    def of(cls, bounds: Bounds) -> "LevelBounds":
        return cls(
            days=bounds.lifetime / timedelta(days=1),
            ranges=bounds.ranges.most,
            ipv4_prefix=bounds.ranges.prefixes[4],
            ipv6_prefix=bounds.ranges.prefixes[6],
        )


class ScopeMeaning(BaseModel):
    scope: str
    meaning: str


class LevelRecord(BaseModel):
    """A level: more power means a shorter life and fewer ranges."""

    level: LevelName
    meaning: str
    without_review: LevelBounds = Field(description="What you may make yourself.")
    with_review: LevelBounds = Field(description="What staff may give: POST /account/client_requests.")
    scopes: list[ScopeMeaning]

    @classmethod
    def of(cls, offer: LevelOffer) -> "LevelRecord":
        return cls(
            level=offer.level.label,
            meaning=offer.meaning,
            without_review=LevelBounds.of(offer.own),
            with_review=LevelBounds.of(offer.reviewed),
            scopes=[ScopeMeaning(scope=scope.value, meaning=meaning) for scope, meaning in offer.scopes],
        )


class NamedNetwork(BaseModel):
    name: str
    ranges: list[str]


class Addresses(BaseModel):
    """Where clients may call from."""

    address: str = Field(description="The address that you are seen at; `mine` in a list of ranges.")
    presets: list[NamedNetwork] = Field(description="Networks that the facility has given names.")

    @classmethod
    def of(cls, address: str, networks: Mapping[str, tuple[str, ...]]) -> "Addresses":
        named = [NamedNetwork(name=name, ranges=list(ranges)) for name, ranges in networks.items()]
        return cls(address=address, presets=named)


class CollaborationRecord(BaseModel):
    """An account that several people manage: you may make clients that act as it."""

    user: str
    project: str | None = Field(description="Whose managers manage it.")
    managers: list[str] = Field(description="People who manage it by name.")

    @classmethod
    def of(cls, account: CollaborationAccount) -> "CollaborationRecord":
        return cls(user=account.user, project=account.project, managers=list(account.managers))


def lifetime(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)
