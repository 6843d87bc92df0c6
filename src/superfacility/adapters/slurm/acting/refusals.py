"""Why Slurm refuses a reservation, in words that say what to do: its own mislead.

Who is no operator is an "Invalid user id" to it, and so is a name that it does not know, which in Slurm 26.05 is an
"Unspecified error".
"""

from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.words import NOT_FOUND_CODE, away, not_yours, said, unavailable
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import (
    FacilityError,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refused,
    Unsupported,
)
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName

_NO_RESERVATION = ("Requested reservation is invalid", "not found")
_CORES = "Core-based reservation"
_NO_ACCOUNT = "Invalid account"
_UNSPECIFIED = "Unspecified error"
_LOOKED_UP = frozenset({0, 2})
"""getent's exit codes if all are known, and if some are not."""


class Refusals:
    """What becomes of scontrol's words on one system."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    async def of(
        self,
        user: User,
        name: ReservationName,
        result: CommandResult,
        asked: Reservation | ReservationChange | None = None,
    ) -> FacilityError:
        """`asked` is what Slurm was told of the reservation besides its name."""
        system, words = self._programs.system, said(result)
        if result.exit_code == NOT_FOUND_CODE or away(words) or not words.strip():
            return unavailable(system, "scontrol", result)
        if any(each in words for each in _NO_RESERVATION):
            return NotFound(f"{system} has no reservation {name!r}.")
        if not_yours(words) or _UNSPECIFIED in words:
            unknown = await self._unknown(user, (asked and asked.users) or ())
            if unknown:
                return InvalidInput(
                    f"{system} knows no user {', '.join(map(repr, unknown))}; look for a misspelt name."
                )
        if not_yours(words):
            return NotPermitted(
                f"The Slurm of {system} lets only its operators create, change and delete reservations, and "
                f"{user.name} is none. Ask the facility's staff to do this for you."
            )
        if _CORES in words:
            return Unsupported(
                f"Slurm cannot change the number of cores of a reservation, nor make cores of nodes or nodes of cores: "
                f"delete {name!r} and create it anew. Its times, users and projects can be changed."
            )
        if _NO_ACCOUNT in words:
            return InvalidInput(
                f"The Slurm of {system} does not know all of these projects as accounts: "
                f"{', '.join((asked and asked.projects) or ())}. Name others, or ask the facility's staff to add them."
            )
        return Refused(words)

    async def _unknown(self, user: User, users: tuple[str, ...]) -> list[str]:
        if not users:
            return []
        command = Command(("getent", "passwd", "--", *users), time_limit=self._programs.options.read_seconds)
        result = await self._programs.transport.run(user, command)
        if result.exit_code not in _LOOKED_UP:
            return []
        lines = [line.split(":") for line in result.stdout.decode("utf-8", "replace").splitlines()]
        known = {field for line in lines for field in line[:3:2]}
        return [each for each in users if each not in known]
