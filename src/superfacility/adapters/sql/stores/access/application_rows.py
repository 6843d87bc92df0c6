"""Applications, grants and their tickets as rows."""

from typing import Any

from superfacility.facility.people import ProjectName, UserName
from superfacility.oauth.applications import Application, Approval, Grant, GrantId
from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import ClientId, ClientKey
from superfacility.oauth.provider.tickets import Decision, DeviceRequest
from superfacility.oauth.scopes import SCOPE_NAMES, Scope, SecurityLevel


def application_row(application: Application) -> dict[str, Any]:
    return {
        "id": application.id,
        "name": application.name,
        "owner": application.owner,
        "project": application.project,
        "level": application.level.label,
        "scopes": sorted(application.scopes),
        "redirect_uris": list(application.redirect_uris),
        "logout_uris": list(application.logout_uris),
        "keys": [dict(key.jwk) for key in application.keys],
        "created_at": application.created_at,
        "approval": application.approval.value,
        "homepage": application.homepage,
        "profile": application.profile.value,
        "device": application.device,
        "dpop": application.dpop,
        "resource_server": application.resource_server,
        "revoked_at": application.revoked_at,
    }


def application_of(row: Any) -> Application:
    return Application(
        id=ClientId(row.id),
        name=row.name,
        owner=UserName(row.owner),
        project=None if row.project is None else ProjectName(row.project),
        level=SecurityLevel.from_label(row.level),
        scopes=_scopes(row.scopes),
        redirect_uris=tuple(row.redirect_uris),
        logout_uris=tuple(row.logout_uris),
        keys=tuple(ClientKey(jwk) for jwk in row.keys),
        created_at=row.created_at,
        approval=Approval(row.approval),
        homepage=row.homepage,
        profile=Profile(row.profile),
        device=bool(row.device),
        dpop=bool(row.dpop),
        resource_server=bool(row.resource_server),
        revoked_at=row.revoked_at,
    )


def grant_row(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "application": grant.application,
        "user": grant.user,
        "scopes": sorted(grant.scopes),
        "identity": sorted(grant.identity),
        "created_at": grant.created_at,
        "expires_at": grant.expires_at,
        "logged_in_at": grant.logged_in_at,
        "methods": list(grant.methods),
        "session": grant.session,
        "key_thumbprint": grant.key_thumbprint,
        "revoked_at": grant.revoked_at,
    }


def grant_of(row: Any) -> Grant:
    return Grant(
        id=GrantId(row.id),
        application=ClientId(row.application),
        user=UserName(row.user),
        scopes=_scopes(row.scopes),
        identity=frozenset(row.identity),
        created_at=row.created_at,
        expires_at=row.expires_at,
        logged_in_at=row.logged_in_at,
        methods=tuple(row.methods),
        session=row.session,
        key_thumbprint=row.key_thumbprint,
        revoked_at=row.revoked_at,
    )


def device_of(row: Any) -> DeviceRequest:
    return DeviceRequest(
        key=row.key,
        user_code=row.user_code,
        application=ClientId(row.application),
        scopes=_scopes(row.scopes),
        identity=frozenset(row.identity),
        address=row.address,
        created_at=row.created_at,
        expires_at=row.expires_at,
        interval=row.interval,
        asked_at=row.asked_at,
        decision=Decision(row.decision),
        grant=None if row.grant is None else GrantId(row.grant),
    )


def _scopes(names: list[str]) -> frozenset[Scope]:
    """One that later versions no longer know grants nothing."""
    return frozenset(SCOPE_NAMES[name] for name in names if name in SCOPE_NAMES)
