"""Everything that can go wrong between a program and a facility.

SuperfacilityError           `status` and `request_id` say which answer it came with, where there was one
├── NotAuthenticated         nobody knows who calls: no credentials, or they are refused or used up
├── NotPermitted             known, and not allowed: level, scope, address, somebody else's
├── NotFound                 no such job, file, task, system …
├── InvalidRequest           what was asked for makes no sense to the server
├── Refused                  understood and not done: the scheduler's or the file system's own words
├── Unavailable              cannot be reached or is busy: the same may work later; `retry_after` in seconds
├── TimedOut                 what was waited for has not come; it may still come
└── ConfigurationError       on this side: a key file, a configuration file, an address
"""

from typing import Any


class SuperfacilityError(Exception):
    """Text: what happened, who must act, what to do next."""

    def __init__(self, text: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), str(self), self.__dict__)


class NotAuthenticated(SuperfacilityError):
    """Log in, or give a key."""

    expired = False


class NotPermitted(SuperfacilityError):
    """The credentials are good, and not for this."""


class NotFound(SuperfacilityError):
    """It is not there, or not for you."""


class InvalidRequest(SuperfacilityError):
    """Ask for something else."""


class Refused(SuperfacilityError):
    """In the words of whoever refused."""


class Unavailable(SuperfacilityError):
    """Try again later."""

    retry_after: float | None = None


class TimedOut(SuperfacilityError):
    """The time that the caller gave is over."""


class ConfigurationError(SuperfacilityError):
    """Mend what is on this side."""


def _rebuilt(kind: type[SuperfacilityError], text: str, state: dict[str, Any]) -> SuperfacilityError:
    error = kind(text)
    error.__dict__.update(state)
    return error
