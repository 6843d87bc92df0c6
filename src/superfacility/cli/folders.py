"""The folders of people and projects on filesystems of this machine."""

from pathlib import Path

from superfacility.facility.people import ProjectName, UserName
from superfacility.facility.systems import Filesystem, FilesystemKind
from superfacility.settings import Settings


def local_filesystems(settings: Settings) -> list[Filesystem]:
    """Those that a system with the `local` transport mounts."""
    mounted = {
        name
        for system in settings.systems.values()
        if system.transport.adapter == "local"
        for name in system.filesystems
    }
    return [
        Filesystem(name, FilesystemKind(table.kind), settings.template(table.path))
        for name, table in settings.filesystems.items()
        if name in mounted
    ]


def make_folders(settings: Settings, *, user: UserName | None = None, project: ProjectName | None = None) -> list[Path]:
    """Make the folders of one user or project (and those of everybody), and return all of them."""
    made: list[Path] = []
    for filesystem in local_filesystems(settings):
        personal = "{user}" in filesystem.template or "{initial}" in filesystem.template
        common = "{project}" in filesystem.template
        if (personal and user is None) or (common and project is None):
            continue
        path = Path(filesystem.path(user=user, project=project))
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.append(path)
    return made
