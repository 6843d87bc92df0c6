"""What `sfapi check` looks at, one function an area. Each finds problems: a sentence that says what to mend."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from superfacility.bootstrap.facility import find_adapter, open_facility
from superfacility.bootstrap.stores import open_stores
from superfacility.cli.folders import local_filesystems
from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError
from superfacility.facility.membership.directory import PeopleDirectory
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.status import Resource
from superfacility.facility.systems import Facility
from superfacility.facility.transport import Advising
from superfacility.oauth.keys import SigningKeys
from superfacility.settings import Settings

_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_FREE_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `problem` is None if it is in order."""

    area: str
    subject: str
    problem: str | None = None


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Look at everything; a problem in one place does not hide those in others."""
    return [
        *_configuration(settings),
        *_private_places(settings),
        *_keys(settings),
        *_clock(settings, clock),
        *await _database(settings),
        *await _systems(settings),
        *await _directory(settings, clock),
        *_filesystems(settings),
    ]


def dangers(settings: Settings) -> list[str]:
    """Problems that keep the server from starting: others could read or replace secrets."""
    findings = [*_private_places(settings), *_keys(settings)]
    return [finding.problem for finding in findings if finding.problem]


def _configuration(settings: Settings) -> Iterator[Finding]:
    for name, system in settings.systems.items():
        for kind, adapter in (("transports", system.transport), ("schedulers", system.scheduler)):
            if adapter is not None:
                yield Finding("configuration", f"{name}: {adapter.adapter}", _missing(kind, adapter.adapter))
        if system.transport.adapter != "local":
            yield from _elsewhere(settings, name, system.filesystems)
    if not settings.systems:
        yield Finding("configuration", "systems", "There is no system; add a [systems.NAME] table.")
    if settings.public_url is not None and settings.public_url.startswith("http://"):
        problem = "is not encrypted: tokens can be read on the way. Put a proxy with TLS in front and write https://"
        loopback = settings.public_url.startswith(("http://127.0.0.1", "http://localhost"))
        yield Finding("configuration", "public_url", None if loopback else f"{settings.public_url} {problem}")


def _elsewhere(settings: Settings, system: str, filesystems: Iterable[str]) -> Iterator[Finding]:
    """A relative path begins in the folder of this installation, which another machine does not have."""
    for name in filesystems:
        path = settings.filesystems[name].path
        if not path.startswith("/"):
            problem = f"filesystems.{name}: {path} is a path of this host; write the absolute path on {system}"
            yield Finding("configuration", f"{system}: {name}", problem)


def _missing(kind: str, name: str) -> str | None:
    try:
        find_adapter(kind, name)
    except FacilityError as problem:
        return str(problem)
    return None


def _private_places(settings: Settings) -> Iterator[Finding]:
    keys, state, database = settings.path(settings.keys), settings.path(settings.state), settings.database_location
    yield Finding("permissions", str(keys), _privacy(keys, "700"))
    yield Finding("permissions", str(state), _absence(state) or _privacy(state, "700") or _usability(state, "700"))
    for key in sorted(keys.glob("*.key")):
        yield Finding("permissions", str(key), _privacy(key, "600"))
    if isinstance(database, Path) and database.exists():
        yield Finding("permissions", str(database), _privacy(database, "600") or _usability(database, "600"))
    if stat.S_IMODE(settings.folder.stat().st_mode) & 0o022:
        problem = f"{settings.folder} can be changed by others, who could replace what is in it: chmod go-w"
        yield Finding("permissions", str(settings.folder), f"{problem} {settings.folder}")


def _absence(state: Path) -> str | None:
    return None if state.exists() else f"{state} is not there: mkdir -m 700 {state}"


def _privacy(path: Path, mode: str) -> str | None:
    try:
        found = path.stat()
    except OSError as problem:
        return f"{path}: {problem.strerror}. Restore it from a backup, or make a new installation with: sfapi init"
    if found.st_uid != os.getuid():
        return f"{path} belongs to another account (uid {found.st_uid}): chown it to the account that serves"
    if stat.S_IMODE(found.st_mode) & 0o077:
        return f"{path} is open to others: chmod {mode} {path}"
    return None


def _usability(path: Path, mode: str) -> str | None:
    needed = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
    return None if os.access(path, needed) else f"{path} cannot be read and written: chmod {mode} {path}"


def _keys(settings: Settings) -> Iterator[Finding]:
    directory = settings.path(settings.keys)
    try:
        SigningKeys.load(directory)
    except (FacilityError, OSError) as problem:
        yield Finding("keys", str(directory), str(problem))
    else:
        yield Finding("keys", str(directory))


def _clock(settings: Settings, clock: Clock) -> Iterator[Finding]:
    now = clock.now()
    if not _EARLIEST < now < _LATEST:
        yield Finding("clock", now.isoformat(), f"The clock says {now:%Y-%m-%d}: set it; tokens depend on it.")
        return
    database = settings.database_location
    if isinstance(database, Path) and database.exists() and database.stat().st_mtime > now.timestamp() + 60:
        yield Finding("clock", now.isoformat(), "The clock is behind the last change of the database: set it.")
    else:
        yield Finding("clock", now.isoformat())


async def _database(settings: Settings) -> list[Finding]:
    place, location = settings.database_place, settings.database_location
    try:
        stores = open_stores(settings)
    except FacilityError as problem:
        return [Finding("database", place, str(problem))]
    try:
        problems = [*await stores.database.check(), *_unlisted(settings, await stores.board.resources())]
    finally:
        await stores.aclose()
    if isinstance(location, Path) and shutil.disk_usage(location.parent).free < _FREE_BYTES:
        problems.append(f"The disk of {place} is nearly full: make room.")
    return [Finding("database", place, problem) for problem in problems] or [Finding("database", place)]


def _unlisted(settings: Settings, resources: Sequence[Resource]) -> Iterator[str]:
    """Systems that the status page does not know: nobody would see what probes find."""
    for name in sorted(set(settings.systems) - {resource.name for resource in resources}):
        yield f"{name} is not on the status page: sfapi admin resource add {name}"


async def _directory(settings: Settings, clock: Clock) -> list[Finding]:
    """Whether the site's directory of people answers, and lets us read."""
    if settings.directory is None:
        return []
    name = settings.directory.source.adapter
    try:
        factory = find_adapter("directories", name)
        directory: PeopleDirectory = factory(settings.directory.source.options, settings.path, clock)
    except FacilityError as problem:
        return [Finding("directory", name, f"directory.source: {problem}")]
    try:
        return [Finding("directory", f"{name}: {await directory.ping()}")]
    except FacilityError as problem:
        return [Finding("directory", name, str(problem))]
    finally:
        await directory.aclose()


async def _systems(settings: Settings) -> list[Finding]:
    try:
        facility = open_facility(settings)
    except (FacilityError, OSError) as problem:
        return [Finding("systems", "all", str(problem))]
    try:
        return [
            finding
            for name in facility.systems
            for finding in [*await _ping(facility, name), *await _advice(facility, name)]
        ]
    finally:
        for system in facility.systems.values():
            if system.scheduler is not None:
                await system.scheduler.aclose()
            await system.transport.aclose()


async def _ping(facility: Facility, name: str) -> list[Finding]:
    system = facility.systems[name]
    findings = []
    for what, port in (("transport", system.transport), ("scheduler", system.scheduler)):
        if port is None:
            continue
        try:
            await port.ping()
        except (FacilityError, OSError) as problem:
            findings.append(Finding("systems", f"{name}: {what}", _of(name, problem)))
        else:
            findings.append(Finding("systems", f"{name}: {what}"))
    if system.scheduler is not None and not findings[-1].problem:
        findings.append(await _capabilities(name, system.scheduler))
    return findings


async def _advice(facility: Facility, name: str) -> list[Finding]:
    transport = facility.systems[name].transport
    if not isinstance(transport, Advising):
        return []
    return [Finding("systems", f"{name}: transport", _of(name, words)) for words in await transport.advice()]


def _of(system: str, problem: Exception | str) -> str:
    """The problem with the name of its system, which adapters may have written before it."""
    return f"{system}: {str(problem).removeprefix(f'{system}: ')}"


async def _capabilities(name: str, scheduler: Scheduler) -> Finding:
    """What the scheduler is: an operator wants to see whether that is what was meant."""
    try:
        found = await scheduler.capabilities()
    except (FacilityError, OSError) as problem:
        return Finding("systems", f"{name}: capabilities", _of(name, problem))
    return Finding("systems", f"{name}: {found}")


def _filesystems(settings: Settings) -> Iterator[Finding]:
    for filesystem in local_filesystems(settings):
        root = Path(filesystem.root)
        yield Finding("filesystems", f"{filesystem.name}: {root}", _unwritable(root))


def _unwritable(root: Path) -> str | None:
    if root.exists() and not root.is_dir():
        return f"{root} is not a folder: move it away, then mkdir -p {root}"
    if not root.is_dir():
        return f"{root} is not there: mkdir -p {root}"
    try:
        with tempfile.TemporaryFile(dir=root):
            return None
    except OSError as problem:
        return f"{root} cannot be written by this account: {problem.strerror}"
