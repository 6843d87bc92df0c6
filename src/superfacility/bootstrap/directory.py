"""The site's directory of people, which operators need as well."""

from dataclasses import dataclass
from datetime import timedelta

from superfacility.adapters.local.last_contact import FileContact
from superfacility.bootstrap.facility import find_adapter
from superfacility.bootstrap.stores import Stores
from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput
from superfacility.facility.membership.directory import PeopleDirectory
from superfacility.facility.people import KnownUsers, ProjectName
from superfacility.services.access.grants import GrantService
from superfacility.services.access.provider import KnownApplications
from superfacility.services.clients import ClientService
from superfacility.services.directory.decisions import DirectoryDecisions
from superfacility.services.directory.freshness import FreshUsers
from superfacility.services.directory.sync import DirectorySync
from superfacility.services.directory.verdicts import Rules
from superfacility.settings import DirectorySettings, Settings

CONTACT = "directory.contact"
"""In the folder of state: when the directory has last answered."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that is followed."""

    port: PeopleDirectory
    sync: DirectorySync
    users: KnownUsers
    contact: FileContact


def open_directory(settings: Settings, stores: Stores, clock: Clock) -> Directory | None:
    """None where people are in the database alone."""
    chosen = settings.directory
    if chosen is None:
        return None
    _check_isolation(settings)
    try:
        factory = find_adapter("directories", chosen.source.adapter)
        port: PeopleDirectory = factory(chosen.source.options, settings.path, clock)
    except InvalidInput as problem:
        raise InvalidInput(f"directory.source: {problem}") from problem
    contact, rules = FileContact(settings.path(settings.state) / CONTACT), _rules(chosen)
    mirror, people = stores.mirror, stores.people
    return Directory(
        port,
        DirectorySync(port, mirror, people, contact, clock, rules, period=chosen.sync_seconds),
        FreshUsers(
            people,
            port,
            mirror,
            contact,
            clock,
            rules,
            fresh=chosen.fresh_seconds,
            stale=timedelta(hours=chosen.stale_hours),
        ),
        contact,
    )


def open_decisions(
    directory: Directory, stores: Stores, client_service: ClientService, clock: Clock
) -> DirectoryDecisions:
    grants = GrantService(KnownApplications(stores.applications, stores.people), clock)
    return DirectoryDecisions(directory.port, stores.mirror, stores.clients, client_service, grants, clock)


def _rules(chosen: DirectorySettings) -> Rules:
    projects = {group: ProjectName(project) for group, project in chosen.projects.items()}
    return Rules(frozenset(chosen.staff_groups), projects, chosen.most_lost_percent)


def _check_isolation(settings: Settings) -> None:
    local = sorted(name for name, system in settings.systems.items() if system.transport.adapter == "local")
    if local and not settings.shared_account:
        raise InvalidInput(
            f"directory: everybody in it would share the server's own account on {', '.join(local)} and could read and "
            "change each other's files. Reach the system by ssh, or accept that with shared_account = true."
        )
