"""`sfapi init`: a new installation, whole or not at all.

Everything is made in a hidden folder and moved to its place at the end, the configuration last, so that an interruption
leaves nothing half-made. A target that exists must be empty.
"""

import asyncio
import os
import shlex
import shutil
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from superfacility.cli.output import Shared, say, warn
from superfacility.facility.errors import InvalidInput
from superfacility.settings import FILE_NAME, checked_name


def init(
    directory: Path,
    /,
    *,
    demo: Annotated[bool, Parameter(negative=())] = False,
    name: str | None = None,
    system: str = "perlmutter",
    staff: str = "operator",
) -> None:
    """Make a new installation: configuration, database, signing keys, and a user with the staff role.

    Parameters
    ----------
    directory
        Where it goes; must be new or empty.
    demo
        Fill it as a demonstration facility with people, a project, folders and outages.
    name
        Name of the facility.
    system
        Name of its first system. `sfapi_client` knows only perlmutter and dtns.
    staff
        Login name of the user with the staff role.
    """
    target = directory.absolute()
    _refuse_used(target)
    _refuse_name(system)
    # Inside a target that is there: it may be a mount point, or where the caller's shell stands.
    building = (target if target.exists() else target.parent) / f".{target.name}.{os.getpid()}.new"
    try:
        _begin(building, target)
        asyncio.run(_fill(building, demo=demo, name=name, system=system, staff=staff))
        _put_in_place(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _report(target, user="demo1" if demo else staff, demo=demo)
    _remind_of_database(target / FILE_NAME)


def _refuse_used(target: Path) -> None:
    if "{" in str(target) or "}" in str(target):
        raise InvalidInput(f"{target} has a brace in its name; choose another folder.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidInput(f"{target} is in use. Choose a new or empty folder; nothing was changed.")


def _refuse_name(system: str) -> None:
    try:
        checked_name(system)
    except ValueError as problem:
        raise InvalidInput(f"--system {problem}.") from problem


def _begin(building: Path, target: Path) -> None:
    try:
        building.parent.mkdir(parents=True, exist_ok=True)
        building.mkdir(mode=0o700)
    except OSError as problem:
        raise InvalidInput(
            f"{target} cannot be made: {problem.strerror}. Choose another folder, or let who may make it first, empty "
            "and owned by the account that serves (as root: install -d -m 700 -o ACCOUNT FOLDER)."
        ) from problem


def _put_in_place(building: Path, target: Path) -> None:
    if not target.exists():
        building.rename(target)
        return
    target.chmod(0o700)
    for made in sorted(building.iterdir(), key=lambda path: path.name == FILE_NAME):
        made.rename(target / made.name)


async def _fill(folder: Path, *, demo: bool, name: str | None, system: str, staff: str) -> None:
    from superfacility.bootstrap.stores import prepare
    from superfacility.cli import demonstration
    from superfacility.cli.admin.desk import open_desk
    from superfacility.cli.configuration import render
    from superfacility.core.clock import SystemClock
    from superfacility.settings import load_settings

    values = demonstration.configuration(name or "Demonstration facility") if demo else _plain(name, system)
    values["changelog"] = [{"date": SystemClock().now().astimezone(UTC).date(), "change": "The facility was made."}]
    file = folder / FILE_NAME
    file.write_text(render(values), "utf-8")
    file.chmod(0o600)
    prepare(load_settings(file))
    async with open_desk(Shared(config=file)) as desk:
        await _refuse_inhabited(desk)
        await _add_staff(desk, staff)
        if demo:
            await demonstration.fill(desk)
        else:
            await _add_system(desk, system)


def _plain(name: str | None, system: str) -> dict[str, Any]:
    """The settings of a facility with one system on this machine."""
    return {
        "name": name or "My facility",
        "filesystems": {
            "home": {"kind": "home", "path": "home/{user}"},
            "scratch": {"kind": "scratch", "path": "scratch/{user}"},
        },
        "systems": {
            system: {
                "full_name": system.capitalize(),
                "transport": {"adapter": "local"},
                "scheduler": {"adapter": "embedded"},
                "filesystems": ["home", "scratch"],
            }
        },
        "transfers": {"endpoints": {system: {"system": system}}},
    }


async def _refuse_inhabited(desk: Any) -> None:
    if await desk.people.users():
        raise InvalidInput(
            f"{desk.settings.database_place} belongs to an installation already. For another host of it copy that "
            "installation's folder without `state`; for a new installation name an empty database."
        )


async def _add_staff(desk: Any, staff: str) -> None:
    from superfacility.cli.folders import make_folders
    from superfacility.facility.people import User, UserName

    user = User(0, UserName(staff), "Facility", "", "Staff", staff=True)
    await desk.people.add_user(user, desk.operator)
    make_folders(desk.settings, user=user.name)


async def _add_system(desk: Any, system: str) -> None:
    from superfacility.facility.status import Resource, ResourceName

    resource = Resource(ResourceName(system), desk.settings.systems[system].full_name, "compute")
    await desk.status.add_resource(resource, desk.operator)


def _report(target: Path, *, user: str, demo: bool) -> None:
    file = shlex.quote(str(target / FILE_NAME))
    say(f"Made {'a demonstration facility' if demo else 'an installation'} in {target}. Next:")
    say(f"  sfapi serve --config {file}")
    say(
        f"  sfapi admin client create --user {user} --name first --level red --ip 127.0.0.1/32 --out key.json "
        f"--config {file}"
    )
    if demo:
        warn(
            "Warning: shared_account = true. Everybody's files and jobs run under your own account, without isolation "
            "between people. Use it for trials only; the server listens on this machine alone."
        )


def _remind_of_database(file: Path) -> None:
    """The environment may have named a database that the file does not: whoever forgets it opens another one."""
    from superfacility.settings import load_settings

    settings = load_settings(file)
    if "database" in settings.model_fields_set:
        warn(
            f"The tables are in {settings.database_place}, as SFAPI_DATABASE says. {file} does not name it: write it "
            "there as `database`, or set SFAPI_DATABASE for each command and server."
        )
