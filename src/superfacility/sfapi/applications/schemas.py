"""Bodies of `/account/applications` and `/account/grants`, and how they are made from the domain."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from superfacility.oauth.applications import Application
from superfacility.oauth.assertions import Profile
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.access.applications import Wish
from superfacility.services.access.grants import Allowed

LevelName = Literal["green", "yellow", "orange", "red"]
ProfileName = Literal["compat", "strict"]


class ApplicationForm(BaseModel):
    """An application to register. Without `keys` it is public: it cannot keep a secret, and proves itself by PKCE."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Imaging gateway",
                    "level": "yellow",
                    "redirect_uris": ["https://gateway.example.org/callback"],
                    "scopes": ["account.info:read", "compute.jobs:read"],
                    "homepage": "https://gateway.example.org",
                }
            ]
        }
    )

    name: str = Field(description="What people read on the consent page.", max_length=200)
    level: LevelName = Field(description="The most that it may ask for; it stays for life.")
    redirect_uris: list[str] = Field([], description="Where people are sent back to; compared as exact text.")
    scopes: list[str] | None = Field(None, description="The scopes that it may ask for; all of its level if left out.")
    project: str | None = Field(None, description="The project that it belongs to; you must manage it.")
    logout_uris: list[str] = Field([], description="Where people may be sent after they have logged out.")
    keys: list[dict[str, Any]] = Field([], description="Public JWKs that its assertions are verified with.")
    homepage: str = Field("", description="An https address for people.")
    profile: ProfileName = Field("compat", description="`strict`: FAPI 2.0.")
    device: bool = Field(False, description="May log people in by a code that they type elsewhere.")
    dpop: bool = Field(False, description="Its tokens work with its key alone (RFC 9449).")

    def wish(self) -> Wish:
        return Wish(
            name=self.name,
            level=SecurityLevel.from_label(self.level),
            redirect_uris=tuple(self.redirect_uris),
            scopes=None if self.scopes is None else tuple(self.scopes),
            project=self.project,
            logout_uris=tuple(self.logout_uris),
            keys=tuple(self.keys),
            homepage=self.homepage,
            profile=Profile(self.profile),
            device=self.device,
            dpop=self.dpop,
        )


class ApplicationChange(BaseModel):
    """What is left out stays."""

    name: str | None = Field(None, max_length=200)
    redirect_uris: list[str] | None = None
    scopes: list[str] | None = None
    logout_uris: list[str] | None = None
    keys: list[dict[str, Any]] | None = None
    homepage: str | None = None
    profile: ProfileName | None = None
    device: bool | None = None
    dpop: bool | None = None

    def changes(self) -> dict[str, Any]:
        found = self.model_dump(exclude_none=True)
        if "profile" in found:
            found["profile"] = Profile(found["profile"])
        lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
        return found | lists


class ApplicationRecord(BaseModel):
    """A registered application."""

    id: str = Field(description="Its `client_id`.")
    name: str
    owner: str | None
    project: str | None
    level: LevelName
    scopes: list[str]
    redirect_uris: list[str]
    logout_uris: list[str]
    keys: list[dict[str, Any]]
    homepage: str
    profile: ProfileName
    device: bool
    dpop: bool
    resource_server: bool = Field(description="It may ask what any access token is worth (RFC 7662).")
    approval: Literal["pending", "approved", "refused"] = Field(description="What staff have said.")
    created_at: datetime
    revoked_at: datetime | None
    fingerprint: str = Field(description="Another one as soon as anything else of it changes, but for the approval.")

    @classmethod
    def of(cls, application: Application) -> "ApplicationRecord":
        return cls(
            id=application.id,
            name=application.name,
            owner=application.owner,
            project=application.project,
            level=application.level.label,
            scopes=sorted(application.scopes),
            redirect_uris=list(application.redirect_uris),
            logout_uris=list(application.logout_uris),
            keys=[dict(key.jwk) for key in application.keys],
            homepage=application.homepage,
            profile=application.profile.value,
            device=application.device,
            dpop=application.dpop,
            resource_server=application.resource_server,
            approval=application.approval.value,
            created_at=application.created_at,
            revoked_at=application.revoked_at,
            fingerprint=application.fingerprint,
        )


class Verdict(BaseModel):
    """What staff say of an application."""

    approve: bool
    seen: str | None = Field(
        None, max_length=64, description="The `fingerprint` of what you have looked at; needed to approve it."
    )


class GrantRecord(BaseModel):
    """What you have allowed an application."""

    id: str
    application: str = Field(description="Its `client_id`.")
    name: str = Field(description="Its name.")
    level: LevelName
    scopes: list[str]
    identity: list[str] = Field(description="Of `openid`, `profile`, `email`, `offline_access`.")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, allowed: Allowed) -> "GrantRecord":
        grant = allowed.grant
        return cls(
            id=grant.id,
            application=grant.application,
            name=allowed.application.name,
            level=grant.level.label,
            scopes=sorted(grant.scopes),
            identity=sorted(grant.identity),
            created_at=grant.created_at,
            expires_at=grant.expires_at,
        )


class RevokedGrant(BaseModel):
    """A grant that is over."""

    id: str
    revoked: bool = True
