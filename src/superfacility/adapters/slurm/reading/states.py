"""Slurm's words for the state of a job, as the 24 that callers know."""

from functools import lru_cache

from superfacility.facility.jobs import JobState

_OTHERS = {
    "LAUNCH_FAILED": JobState.FAILED,
    "RECONFIG_FAIL": JobState.FAILED,
    "POWER_UP_NODE": JobState.CONFIGURING,
    "RESV_DEL": JobState.RESV_DEL_HOLD,
    "UPDATE_DB": JobState.RUNNING,
    "EXPEDITING": JobState.PENDING,
}
"""States that some versions have beside the 24."""


@lru_cache(maxsize=1024)
def job_state(text: str) -> JobState:
    """`CANCELLED by 1000` is CANCELLED. A word that nobody knows is never taken for an end."""
    word = text.partition(" ")[0].rstrip("+")
    try:
        return JobState(word)
    except ValueError:
        return _OTHERS.get(word, JobState.RUNNING)


def state_text(text: str, state: JobState) -> str:
    """What a row says: Slurm's own words where callers know them."""
    return text if text == state or text.startswith("CANCELLED by ") else state.value


def exit_code(text: str) -> int | None:
    """Of `code:signal`; 128 + n after signal n, as a shell says."""
    code, _, number = text.partition(":")
    if not code.isdecimal() or not (number or "0").isdecimal():
        return None
    return int(code) or (128 + int(number) if number and int(number) else 0)
