"""The checks at each request: the client's record decides, not its token."""

from datetime import datetime

from superfacility.facility.people import User
from superfacility.oauth.addresses import in_ranges
from superfacility.oauth.applications import Application, Approval, Grant
from superfacility.oauth.clients import Client, ClientId
from superfacility.oauth.errors import AccessRefused, Reason
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SCOPES, Scope


def check_client(client: Client | None, user: User | None, now: datetime, *, held: bool = True) -> None:
    """`AccessRefused` unless the client and its user are there and in force, and `held` by somebody who may."""
    if client is None:
        raise _revoked("This client has been removed.")
    if client.revoked_at is not None:
        raise _revoked(f"The client {client.id} was revoked on {_minute(client.revoked_at)}.")
    if user is None or not user.active:
        raise _revoked(f"The account {client.user} of the client {client.id} is not active.")
    if not held:
        raise AccessRefused(
            Reason.REVOKED_CLIENT,
            f"{client.holder}, who has the key of the client {client.id}, does not manage the account {client.user} "
            f"any more. Somebody who does gives it another key: `sfapi clients rotate {client.id}`.",
        )
    if client.expires_at <= now:
        raise AccessRefused(
            Reason.EXPIRED_CLIENT,
            f"The client {client.id} expired on {_minute(client.expires_at)}: renew it or create a new one.",
        )


def check_application(application: Application | None) -> None:
    """`AccessRefused` unless people may log in to it."""
    if application is None:
        raise _ended("This application is not there any more.")
    if application.revoked_at is not None:
        raise _ended(f"The application {application.name} was revoked on {_minute(application.revoked_at)}.")
    if application.approval is not Approval.APPROVED:
        raise _ended(f"The application {application.name} has not been approved by the facility's staff.")


def check_grant(grant: Grant | None, application: Application | None, user: User | None, now: datetime) -> None:
    """`AccessRefused` unless the grant, its application and its user are there and in force."""
    if grant is None:
        raise _ended("What was allowed to this application is over.")
    if grant.revoked_at is not None:
        raise _ended(f"What was allowed to this application was revoked on {_minute(grant.revoked_at)}.")
    check_application(application)
    if user is None or not user.active:
        raise AccessRefused(Reason.REVOKED_CLIENT, f"The account {grant.user} is not active: ask the facility's staff.")
    if grant.expires_at <= now:
        raise AccessRefused(
            Reason.EXPIRED_CLIENT,
            f"What was allowed to this application ended on {_minute(grant.expires_at)}: log in again.",
        )


def check_address(client_id: ClientId, ranges: tuple[str, ...], address: str) -> None:
    """`AccessRefused` unless the request comes from one of the client's source ranges."""
    if not in_ranges(address, ranges):
        raise AccessRefused(
            Reason.WRONG_ADDRESS,
            f"The client {client_id} may not be used from the address {address}: "
            "add this address to its source ranges, or call from one of them.",
        )


def check_scope(principal: Principal, required: Scope) -> None:
    """`AccessRefused` unless the level and the scopes of the principal cover what a route requires."""
    needed = SCOPES[required].level
    if principal.level < needed:
        detail = (
            f"This needs a client of level {needed.label} (scope {required.value}), "
            f"and yours is {principal.level.label}: create a client of level {needed.label}."
        )
    elif required not in principal.scopes:
        detail = (
            f"This needs the scope {required.value} (level {needed.label}), which your client or token, "
            f"of level {principal.level.label}, "
            "was not given: add the scope to the client, or ask for it with the token."
        )
    else:
        return
    raise AccessRefused(Reason.MISSING_SCOPE, detail, scope=required)


def _ended(what: str) -> AccessRefused:
    return AccessRefused(Reason.REVOKED_CLIENT, f"{what} Log in again, or ask the facility's staff.")


def _revoked(what: str) -> AccessRefused:
    return AccessRefused(Reason.REVOKED_CLIENT, f"{what} Create a new client, or ask the facility's staff.")


def _minute(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC")
