"""`sfapi admin application`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.key_file import read_public_key
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.oauth.applications import Application
from superfacility.oauth.assertions import Profile
from superfacility.oauth.client_keys import thumbprint
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.access.applications import Actor, Wish

app = App(name="application", help="Programs that people log in to.", help_format="plaintext")
_SHARED = Shared()

Level = Literal["green", "yellow", "orange", "red"]


def _several(name: str, text: str) -> Parameter:
    return Parameter(name=name, negative=(), help=f"{text}; may be given several times.")


Redirects = Annotated[tuple[str, ...], _several("--redirect", "Address that people are sent back to, exactly")]
Logouts = Annotated[tuple[str, ...], _several("--logout", "Address that people may be sent to after logging out")]
Scopes = Annotated[tuple[str, ...], _several("--scope", "Scope that it may ask for; without any: all of its level")]
Keys = Annotated[tuple[Path, ...], _several("--key", "File with a public key; without any the application is public")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Powers:
    """What sets an application apart: how it proves itself, and what it may ask beyond sending people to log in."""

    strict: Annotated[
        bool, Parameter(help="FAPI 2.0: pushed requests, proofs of a minute, tokens that are bound to a key.")
    ] = False
    device: Annotated[bool, Parameter(help="It may log people in by a code that they type elsewhere.")] = False
    dpop: Annotated[bool, Parameter(help="Its tokens work with its key alone (RFC 9449).")] = False
    resource_server: Annotated[bool, Parameter(help="It may ask what any access token is worth (RFC 7662).")] = False


_PLAIN = Powers()


def _row(application: Application) -> Row:
    return {
        "id": application.id,
        "name": application.name,
        "owner": application.owner,
        "project": application.project,
        "level": application.level.label,
        "approval": application.approval.value,
        "public": application.public,
        "created_at": application.created_at,
        "revoked_at": application.revoked_at,
    }


def _full_row(application: Application) -> Row:
    return {
        **_row(application),
        "scopes": sorted(application.scopes),
        "redirect_uris": list(application.redirect_uris),
        "logout_uris": list(application.logout_uris),
        "homepage": application.homepage,
        "keys": [thumbprint(key.jwk) for key in application.keys],
        "profile": application.profile.value,
        "device": application.device,
        "dpop": application.dpop,
        "resource_server": application.resource_server,
        "fingerprint": application.fingerprint,
    }


def _actor(desk: Desk) -> Actor:
    return Actor(desk.operator)


@app.command
async def add(
    *,
    owner: str,
    name: str,
    level: Level,
    redirect: Redirects = (),
    logout: Logouts = (),
    scope: Scopes = (),
    key: Keys = (),
    project: str | None = None,
    homepage: str = "",
    powers: Powers = _PLAIN,
    shared: Shared = _SHARED,
) -> None:
    """Register an application; what an operator registers is approved.

    Parameters
    ----------
    owner
        User who answers for it.
    name
        What people read on the consent page.
    level
        The most that it may ask people for.
    project
        Project that it belongs to: those who manage the project may change it.
    homepage
        An https address for people.
    """
    async with open_desk(shared) as desk, desk.applications() as applications:
        wish = Wish(
            name=name,
            level=SecurityLevel.from_label(level),
            redirect_uris=redirect,
            scopes=scope or None,
            project=project,
            logout_uris=logout,
            keys=tuple(map(read_public_key, key)),
            homepage=homepage,
            profile=Profile.STRICT if powers.strict else Profile.COMPAT,
            device=powers.device,
            dpop=powers.dpop,
            resource_server=powers.resource_server,
        )
        found = await applications.add(wish, owner, _actor(desk), approved=True)
        done(f"Application {found.id} ({name}, {level}).", _full_row(found), as_json=shared.json)


@app.command(name="list")
async def list_applications(*, pending: bool = False, shared: Shared = _SHARED) -> None:
    """List applications, newest first.

    Parameters
    ----------
    pending
        Those alone that wait for staff.
    """
    async with open_desk(shared) as desk, desk.applications() as applications:
        found = await applications.all()
        rows = [_row(each) for each in found if not pending or each.approval.value == "pending"]
        show_rows(rows, as_json=shared.json)


@app.command
async def show(application_id: str, /, *, shared: Shared = _SHARED) -> None:
    """Show an application with its addresses and scopes."""
    async with open_desk(shared) as desk, desk.applications() as applications:
        show_record(_full_row(await applications.get(application_id, _actor(desk))), as_json=shared.json)


@app.command
async def change(
    application_id: str,
    /,
    *,
    name: str | None = None,
    redirect: Redirects = (),
    logout: Logouts = (),
    scope: Scopes = (),
    key: Keys = (),
    homepage: str | None = None,
    device: bool | None = None,
    dpop: bool | None = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest. An application keeps its level: for another one, register another."""
    async with open_desk(shared) as desk, desk.applications() as applications:
        found = await applications.change(
            application_id,
            _actor(desk),
            name=name,
            redirect_uris=redirect or None,
            logout_uris=logout or None,
            scopes=scope or None,
            keys=tuple(map(read_public_key, key)) or None,
            homepage=homepage,
            device=device,
            dpop=dpop,
        )
        done(f"Changed application {application_id}.", _full_row(found), as_json=shared.json)


@app.command
async def approve(application_id: str, /, *, seen: str, shared: Shared = _SHARED) -> None:
    """Let people log in to an application that waits.

    Parameters
    ----------
    seen
        Its fingerprint as `show` prints it: what was changed since is not approved.
    """
    await _decide(application_id, shared, approve=True, seen=seen)


@app.command
async def refuse(application_id: str, /, *, shared: Shared = _SHARED) -> None:
    """Let nobody log in to an application; what it was allowed before rests."""
    await _decide(application_id, shared, approve=False)


async def _decide(application_id: str, shared: Shared, *, approve: bool, seen: str | None = None) -> None:
    async with open_desk(shared) as desk, desk.applications() as applications:
        found = await applications.decide(application_id, _actor(desk), approve=approve, seen=seen)
        done(f"{found.name} ({found.id}): {found.approval.value}.", _full_row(found), as_json=shared.json)


@app.command
async def revoke(application_id: str, /, *, shared: Shared = _SHARED) -> None:
    """End an application for good, with everything that people have allowed it, at once."""
    async with open_desk(shared) as desk, desk.applications() as applications:
        found = await applications.revoke(application_id, _actor(desk))
        done(f"Revoked application {found.id} ({found.name}).", _full_row(found), as_json=shared.json)
