"""`sfapi admin user`: the directory of people."""

from typing import Annotated

from cyclopts import Parameter

from superfacility.cli.admin.desk import open_desk
from superfacility.cli.admin.user.noun import app
from superfacility.cli.folders import make_folders
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.facility.people import User, UserName

_SHARED = Shared()


def _row(user: User) -> Row:
    return {
        "name": user.name,
        "uid": user.uid,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "staff": user.staff,
        "active": user.active,
    }


@app.command
async def add(
    name: str,
    /,
    *,
    first: str = "",
    last: str = "",
    email: str = "",
    phone: str = "",
    uid: int = 0,
    staff: Annotated[bool, Parameter(negative=())] = False,
    shared: Shared = _SHARED,
) -> None:
    """Add a user and make the folders of local filesystems.

    Parameters
    ----------
    name
        Login name.
    first
        First name.
    last
        Last name.
    email
        Address of e-mail.
    phone
        Telephone at work.
    uid
        Number of the account; 0 chooses the next free one.
    staff
        May run the facility.
    """
    async with open_desk(shared) as desk:
        await desk.allow_one_more_user()
        user = User(uid, UserName(name), first, "", last, email, phone, staff=staff)
        saved = await desk.people.add_user(user, desk.operator)
        make_folders(desk.settings, user=saved.name)
        done(f"Added user {saved.name} (uid {saved.uid}).", _row(saved), as_json=shared.json)


@app.command(name="list")
async def list_users(*, shared: Shared = _SHARED) -> None:
    """List users."""
    async with open_desk(shared) as desk:
        show_rows([_row(user) for user in await desk.people.users()], as_json=shared.json)


@app.command
async def show(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Show a user with projects and groups."""
    async with open_desk(shared) as desk:
        user = await desk.people.user(name)
        memberships = await desk.people.memberships(user=name)
        groups = await desk.stores.people.groups(member=user.name)
        record = {
            **_row(user),
            "projects": [f"{each.project.name} ({each.role})" for each in memberships],
            "groups": [group.name for group in groups],
        }
        show_record(record, as_json=shared.json)


@app.command
async def change(
    name: str,
    /,
    *,
    first: str | None = None,
    last: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    staff: bool | None = None,
    active: bool | None = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest.

    Parameters
    ----------
    name
        Login name.
    first
        First name.
    last
        Last name.
    email
        Address of e-mail.
    phone
        Telephone at work.
    staff
        May run the facility.
    active
        May use it; the clients of a user who may not are refused.
    """
    async with open_desk(shared) as desk:
        if active and not (await desk.people.user(name)).active:
            await desk.allow_one_more_user()
        saved = await desk.people.change_user(
            name,
            desk.operator,
            first_name=first,
            last_name=last,
            email=email,
            work_phone=phone,
            staff=staff,
            active=active,
        )
        done(f"Changed user {saved.name}.", _row(saved), as_json=shared.json)


@app.command
async def remove(name: str, /, *, shared: Shared = _SHARED) -> None:
    """End a user's access: the user stays on record as inactive, all clients are revoked, no file is touched."""
    async with open_desk(shared) as desk:
        saved = await desk.people.remove_user(name, desk.operator)
        for client in await desk.clients.list(saved.name):
            await desk.clients.revoke(client.id, actor=desk.operator)
        done(f"User {name} is inactive now; all clients are revoked.", _row(saved), as_json=shared.json)
