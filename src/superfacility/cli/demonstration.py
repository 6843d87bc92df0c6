"""The demonstration facility: names that existing programs know, people, a project, and a history to look at."""

from datetime import datetime, timedelta
from typing import Any

from superfacility.cli.admin.desk import Desk
from superfacility.cli.folders import make_folders
from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.people import Allocation, Project, ProjectName, Role, User, UserName
from superfacility.facility.status import Note, Outage, OutageStatus, Resource, ResourceName
from superfacility.services.access.applications import Actor

_PROJECT = ProjectName("m0001")
_TEBIBYTE = 1024**4

HELLO = """\
#!/bin/bash
#SBATCH --job-name=hello
#SBATCH --account=m0001
#SBATCH --qos=debug
#SBATCH --constraint=cpu
#SBATCH --time=5
#SBATCH --output=hello-%j.out

echo "Hello from job $SLURM_JOB_ID on $(hostname)"
"""

_RESOURCES = (
    ("perlmutter", "Perlmutter", "compute"),
    ("dtns", "Data transfer nodes", "filesystem"),
    ("globus", "Globus", "service"),
    ("spin", "Spin", "service"),
    ("archive", "Archive (HPSS)", "storage"),
    ("global_homes", "Global homes", "filesystem"),
    ("community_filesystem", "Community filesystem", "filesystem"),
)


def configuration(name: str) -> dict[str, Any]:
    """The settings, as TOML would load them."""
    mounted = ["home", "scratch", "project", "archive"]
    return {
        "name": name,
        "shared_account": True,
        "filesystems": {
            "home": {"kind": "home", "path": "home/{user}"},
            "scratch": {"kind": "scratch", "path": "scratch/{user}"},
            "project": {"kind": "project", "path": "project/{project}"},
            "archive": {"kind": "archive", "path": "archive"},
        },
        "systems": {
            "perlmutter": {
                "full_name": "Perlmutter",
                "transport": {"adapter": "local"},
                "scheduler": {
                    "adapter": "embedded",
                    "partitions": ["regular", "debug"],
                    "qos": ["regular", "debug"],
                    "constraints": ["cpu"],
                },
                "filesystems": mounted,
                "refresh_seconds": 1.0,
                "fresh_seconds": 0.1,
                "charging": {"factor": 1.0, "qos": {"regular": 1.0, "debug": 1.0}},
            },
            "dtns": {
                "full_name": "Data transfer nodes",
                "transport": {"adapter": "local"},
                "filesystems": mounted,
                "aliases": ["dtn01"],
            },
        },
        "transfers": {
            "agent": {"adapter": "local"},
            "endpoints": {
                "dtn": {"system": "dtns", "uuid": "0d9bd0a1-92a9-4a75-9b52-8f2c1f4b1a01"},
                "perlmutter": {"system": "perlmutter", "uuid": "0d9bd0a1-92a9-4a75-9b52-8f2c1f4b1a02"},
                "hpss": {"system": "dtns", "root": "archive", "uuid": "0d9bd0a1-92a9-4a75-9b52-8f2c1f4b1a03"},
            },
        },
    }


async def fill(desk: Desk) -> None:
    """People, project, group, folders and announcements. The staff user is there already."""
    await _add_people(desk)
    await _add_announcements(desk)
    for user in ("demo1", "demo2"):
        make_folders(desk.settings, user=UserName(user), project=_PROJECT)
    (desk.settings.path("home") / "demo1" / "hello.sh").write_text(HELLO)


async def _add_people(desk: Desk) -> None:
    people, operator = desk.people, desk.operator
    for name, first in (("demo1", "Ada"), ("demo2", "Emil")):
        await people.add_user(User(0, UserName(name), first, "", "Demo", f"{name}@example.org"), operator)
    allocation = Allocation(project_bytes=20 * _TEBIBYTE, archive_bytes=100 * _TEBIBYTE)
    await people.add_project(Project(0, _PROJECT, "Demonstration of electron counting", allocation), operator)
    for kind, hours in ((HoursKind.CPU, 1000.0), (HoursKind.GPU, 0.0)):
        await desk.allocations.set_hours(Actor(operator), _PROJECT, kind, hours)
    await people.set_membership(_PROJECT, "demo1", Role.PI, operator)
    await people.set_membership(_PROJECT, "demo2", Role.USER, operator)
    await people.create_group("g0001", _PROJECT, ["demo1", "demo2"], operator)


async def _add_announcements(desk: Desk) -> None:
    today = desk.clock.now().replace(hour=16, minute=0, second=0, microsecond=0)
    for name, full_name, kind in _RESOURCES:
        await desk.status.add_resource(Resource(ResourceName(name), full_name, kind), desk.operator)
    for outage in _outages(today):
        await desk.status.announce(outage, desk.operator)
    note = Note(0, ResourceName("perlmutter"), "This is a demonstration: everything runs on one machine.")
    await desk.status.write_note(note, desk.operator)


def _outages(today: datetime) -> tuple[Outage, Outage]:
    past, planned = today - timedelta(days=21), today + timedelta(days=14)
    name = ResourceName("perlmutter")
    return (
        Outage(
            0,
            name,
            past,
            past + timedelta(hours=9),
            "Scheduled Maintenance",
            "Monthly maintenance, completed on time.",
            status=OutageStatus.COMPLETED,
        ),
        Outage(0, name, planned, planned + timedelta(hours=9), "Scheduled Maintenance", "Monthly maintenance."),
    )
