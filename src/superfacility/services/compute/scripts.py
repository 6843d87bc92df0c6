"""Scripts of clients that are bound to a project: what may be submitted, and how one that lies on the system is read.

Accepting a submission asks no system for anything: a script on the system is read when the job is made. What was read
and judged is what is submitted, so that nothing can be put in its place between the two.
"""

import re
from dataclasses import replace

from superfacility.facility.errors import InvalidInput
from superfacility.facility.jobs import JobScript
from superfacility.facility.people import ProjectName, User
from superfacility.facility.systems import System
from superfacility.services.files import bound_transport

LONGEST = 4 * 1024 * 1024
"""Bytes of a script; Slurm takes no more unless a site says so."""
_PARTS = re.compile(r"^#SBATCH\s*(het|pack)job", re.MULTILINE | re.IGNORECASE)
"""As sbatch reads it: in letters of either case, with or without a space in front."""


def charged_to(project: ProjectName | None, script: JobScript) -> JobScript:
    """For a client that is bound to the project: charged to it, whatever the script says itself. `InvalidInput` for
    what can be seen to be none of it."""
    if project is None:
        return script
    if script.path is not None and not script.path.startswith("/"):
        raise InvalidInput("This client is bound to a project: give the absolute path of a script in its folders.")
    _check_parts(script.text or "")
    return replace(script, project=project)


async def as_read(system: System, user: User, script: JobScript) -> JobScript:
    """A bound client's script with its text, all others as they are.

    One on the system must lie in the project's folders: `NotPermitted` if not, `FileProblem` if it cannot be read,
    `InvalidInput` for what is not taken of a bound client, `Unavailable` while the system does not answer.
    """
    if script.project is None or script.path is None:
        return script
    text = await _read(system, user, script.project, script.path)
    _check_parts(text)
    return replace(script, text=text)


async def _read(system: System, user: User, project: ProjectName, path: str) -> str:
    """Bytes that are no UTF-8 stay what they are."""
    transport = bound_transport(system, user, project)
    async with transport.read(user, path, length=LONGEST + 1) as opened:
        content = b"".join([piece async for piece in opened.chunks])
    if len(content) > LONGEST:
        raise InvalidInput(f"{path!r} is too large: the script of a bound client has at most {LONGEST >> 20} MiB.")
    return content.decode("utf-8", "surrogateescape")


def _check_parts(text: str) -> None:
    if _PARTS.search(text):
        raise InvalidInput("Each part of a heterogeneous job has an account of its own: a bound client submits none.")
