"""What Slurm's programs say on stderr, sorted into our errors.

Slurm's exit codes say little (scancel's is 0 for an unknown job), so its sentences are read. They have been the same
from 22.05 to 26.05.
"""

from superfacility.facility.commands import CommandResult
from superfacility.facility.errors import Doubtful, FacilityError, NotFound, NotPermitted, Refused, Unavailable

_UNKNOWN_JOB = ("Invalid job id", "Invalid Job Id", "Job does not exist")
_NOT_YOURS = ("Access/permission denied", "Invalid user id")
_ENDED = ("already completing or completed", "Job has already finished", "already finished")
_CERTAINLY_NOT = (
    "(connect failure)",
    "Could not establish a configuration source",
    "Munge encode failed",
    "failed to create credential",
)
"""The request did not leave."""
_AWAY = (
    *_CERTAINLY_NOT,
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Zero Bytes were transmitted",
    "Unexpected message received",
    "Incomplete message",
    "Insane message length",
    "Transport endpoint is not connected",
    "Broken pipe",
    "Protocol authentication error",
    "authentication error",
    "Invalid authentication credential",
    "Munge decode failed",
    "Slurm backup controller in standby mode",
    "Slurm temporarily unable",
    "Slurm job queue full",
    "Resource temporarily unavailable",
    "Unable to connect to database",
    "Problem talking to the database",
    "Communication connection failure",
    "Communication shutdown failure",
    "Message send failure",
    "Message receive failure",
)
NOT_FOUND_CODE = 127


def error_text(result: CommandResult) -> str:
    return result.stderr.decode("utf-8", "replace")


def away(words: str) -> bool:
    """A daemon did not answer as it should, so these words decide nothing about the request itself."""
    return any(each in words for each in _AWAY)


def certainly_not_sent(words: str) -> bool:
    return any(each in words for each in _CERTAINLY_NOT)


def unknown_job(words: str) -> bool:
    return any(each in words for each in _UNKNOWN_JOB)


def ended_already(words: str) -> bool:
    return any(each in words for each in _ENDED)


def not_yours(words: str) -> bool:
    return any(each in words for each in _NOT_YOURS)


def unavailable(system: str, program: str, result: CommandResult) -> Unavailable:
    """For a reading that failed, whatever the reason: it says nothing about jobs."""
    if result.exit_code == NOT_FOUND_CODE:
        return program_missing(system, program)
    said = error_text(result).strip().splitlines()
    cause = said[-1] if said else f"exit code {result.exit_code}"
    return Unavailable(f"{system}: {program} failed: {cause}; it is asked again later.")


def program_missing(system: str, program: str) -> Unavailable:
    return Unavailable(
        f"{system}: there is no program {program!r} on the system; the facility's staff must set `bin` in the "
        "scheduler's options.",
        retry_after=60,
    )


def refusal_of_job(system: str, program: str, job_id: str, result: CommandResult) -> FacilityError:
    """For a change of a job that Slurm did not make, or whose answer was lost."""
    words = said(result)
    if result.exit_code == NOT_FOUND_CODE or certainly_not_sent(words):
        return unavailable(system, program, result)
    if away(words) or not words.strip():
        cause = (words.strip().splitlines() or [f"exit code {result.exit_code}"])[-1]
        return Doubtful(f"{system}: {program} failed ({cause}); look whether it took effect on job {job_id}.")
    if unknown_job(words):
        return NotFound(f"{system} knows no job {job_id} (any more).")
    if not_yours(words):
        return NotPermitted(f"The job {job_id} is another user's.")
    return Refused(words)


def said(result: CommandResult) -> str:
    """A refusal in its own words, on whichever stream it came, with a final newline."""
    words = error_text(result) or result.stdout.decode("utf-8", "replace")
    return words if words.endswith("\n") else words + "\n"
