"""`sfapi admin user`: how users log in with a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from superfacility.bootstrap.access import open_grants
from superfacility.bootstrap.login import open_credentials, page_origins
from superfacility.bootstrap.use_cases import open_senders
from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.admin.user.noun import app
from superfacility.cli.output import Row, Shared, done
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import FacilityError, InvalidInput
from superfacility.facility.people import User, UserName
from superfacility.oauth.identity.accounts import LinkPurpose
from superfacility.services.access.login import Credentials

_SHARED = Shared()
_MAIL = {
    LinkPurpose.INVITATION: "You are invited to {facility} as user {user}.\n\nChoose a password here:\n{url}\n",
    LinkPurpose.RESET: "Choose a new password for {user} at {facility} here:\n{url}\n",
}
_CLOSING = "\nThe link works once and for a day. If you did not expect this mail, tell the facility's staff.\n"
Print = Annotated[bool, Parameter(negative=())]
Keep = Annotated[bool, Parameter(negative=(), help="Leave applications what the user has allowed them.")]


@app.command
async def invite(name: str, /, *, show: Print = False, shared: Shared = _SHARED) -> None:
    """Make a link by which a user sets a first password, and mail it.

    Parameters
    ----------
    name
        Login name.
    show
        Print the link instead of mailing it.
    """
    await _send_link(name, LinkPurpose.INVITATION, show=show, shared=shared)


@app.command(name="reset-password")
async def reset_password(name: str, /, *, show: Print = False, shared: Shared = _SHARED) -> None:
    """Make a link by which a user sets a new password, and mail it; the old one counts until then.

    Parameters
    ----------
    name
        Login name.
    show
        Print the link instead of mailing it.
    """
    await _send_link(name, LinkPurpose.RESET, show=show, shared=shared)


@app.command(name="reset-second-factor")
async def reset_second_factor(name: str, /, *, keep_applications: Keep = False, shared: Shared = _SHARED) -> None:
    """Take away a user's second factor and recovery codes: for who lost both. Make sure who is asking.

    Ends all browser sessions and logins of applications as well, and tells the user by mail.
    """
    async with open_desk(shared) as desk:
        async with _accounts(desk) as accounts:
            await accounts.remove_second_factor(name, desk.operator)
        ended = await _log_out(desk, name, keep_applications=keep_applications)
        done(f"{name} has no second factor now. {ended.text}", {"name": name, **ended.row}, as_json=shared.json)


@app.command(name="log-out")
async def log_out(name: str, /, *, keep_applications: Keep = False, shared: Shared = _SHARED) -> None:
    """End all of a user's browser sessions, and all logins of applications, the command line among them.

    Clients with keys live on: to end them, revoke them.
    """
    async with open_desk(shared) as desk:
        user = await desk.people.user(name)
        ended = await _log_out(desk, user.name, keep_applications=keep_applications)
        done(f"{user.name}: {ended.text}", {"name": user.name, **ended.row}, as_json=shared.json)


@app.command
async def unlink(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Forget which identities at the providers are a user's: the next one with that name becomes it."""
    async with open_desk(shared) as desk:
        user = await desk.people.user(name)
        audit = AuditEntry(desk.clock.now(), desk.operator, "login.unlink_identities", user.name)
        count = await desk.stores.identities.unlink(user.name, audit)
        done(f"Forgot {count} identities of {user.name}.", {"name": user.name, "count": count}, as_json=shared.json)


@dataclass(frozen=True, slots=True)
class _Ended:
    sessions: int
    grants: int | None

    @property
    def text(self) -> str:
        words = f"Ended {self.sessions} sessions"
        if self.grants is None:
            return f"{words}; applications keep what they were allowed."
        return f"{words}, and {self.grants} logins of applications."

    @property
    def row(self) -> Row:
        return {"sessions": self.sessions, "grants": self.grants}


async def _log_out(desk: Desk, name: str, *, keep_applications: bool) -> _Ended:
    audit = AuditEntry(desk.clock.now(), desk.operator, "login.end_all", name)
    sessions = await desk.stores.login_sessions.end_all(UserName(name), audit)
    if keep_applications:
        return _Ended(sessions, None)
    grants = open_grants(desk.settings, desk.stores, desk.clock)
    return _Ended(sessions, await grants.end_all(UserName(name), desk.operator, ""))


async def _send_link(name: str, purpose: LinkPurpose, *, show: bool, shared: Shared) -> None:
    async with open_desk(shared) as desk:
        user = await desk.people.user(name)
        async with _accounts(desk) as accounts:
            secret = await accounts.make_link(user.name, purpose, desk.operator)
        url = f"{page_origins(desk.settings, 'http://127.0.0.1:8000')[0]}/password?ticket={secret}"
        problem = None if show else await _mailed(desk, user, purpose, url)
        if show or problem is not None:
            why = "" if problem is None else f" It was not mailed: {problem}"
            done(
                f"Give {user.name} this link; it works once and for a day.{why}\n{url}",
                {"name": user.name, "url": url, "mailed": False},
                as_json=shared.json,
            )
        else:
            done(
                f"Mailed a link to {user.email}; it works once and for a day.",
                {"name": user.name, "mailed": True},
                as_json=shared.json,
            )


async def _mailed(desk: Desk, user: User, purpose: LinkPurpose, url: str) -> str | None:
    """Why not; None if it was."""
    if desk.settings.mail is None:
        return "this facility has no mail server ([mail])."
    if not user.email:
        return f"{user.name} has no address (sfapi admin user change {user.name} --email …)."
    text = _MAIL[purpose].format(facility=desk.settings.name, user=user.name, url=url) + _CLOSING
    try:
        await open_senders(desk.settings).mail.send(user.email, f"Your login at {desk.settings.name}", text)
    except FacilityError as refusal:
        return str(refusal).strip()
    return None


@asynccontextmanager
async def _accounts(desk: Desk) -> AsyncIterator[Credentials]:
    """Whose mails have left, or are said not to have, when it ends."""
    if not desk.settings.login.has_accounts:
        raise InvalidInput(
            "This facility has no accounts with passwords: people log in at its identity provider. "
            "To have both, write accounts = true into [login]."
        )
    async with desk.notices() as notices:
        yield open_credentials(desk.settings, desk.stores, desk.clock, notices)
