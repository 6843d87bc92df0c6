"""What PostgreSQL raises, in the facility's words; and what will pass if it is tried again."""

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from superfacility.facility.errors import Conflict, FacilityError, InvalidInput, Unavailable

_SERVER_GOES = ("08", "57P")
"""Classes of SQLSTATE: connection exceptions; shutdown, crash, not yet up."""
_GONE = {errors.IdleInTransactionSessionTimeout, errors.TooManyConnections}


def original(problem: Exception) -> BaseException:
    """The driver's own exception, if SQLAlchemy wrapped one."""
    return problem.orig if isinstance(problem, DBAPIError) and problem.orig is not None else problem


def lost(problem: Exception) -> bool:
    """Whether the connection is gone, or could not be made for the moment."""
    cause = original(problem)
    if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = cause.sqlstate
    return state is None or state.startswith(_SERVER_GOES) or type(cause) in _GONE


def passes(problem: Exception) -> bool:
    """Whether the transaction, which has left nothing behind, may be tried again."""
    cause = original(problem)
    return lost(problem) or isinstance(cause, errors.SerializationFailure | errors.DeadlockDetected)


def translate(problem: Exception) -> Exception:
    """The error to raise instead; what is not the database's comes back as it is."""
    if isinstance(problem, FacilityError):
        return problem
    cause = original(problem)
    if isinstance(cause, psycopg.IntegrityError):
        return Conflict(
            "The change contradicts what is already stored: a name is taken, or something still refers to it."
        )
    if isinstance(cause, UnicodeEncodeError):
        return InvalidInput("The text is not valid Unicode.")
    if isinstance(cause, psycopg.DataError):
        return InvalidInput("A value cannot be stored: a text has a NUL character, or a number is too large.")
    if isinstance(cause, psycopg.Error | SQLAlchemyError):
        return _unavailable(cause)
    return problem


def _unavailable(cause: BaseException) -> Unavailable:
    if isinstance(cause, errors.LockNotAvailable | errors.QueryCanceled):
        return Unavailable("The service's database is busy: try again in a moment.", retry_after=1)
    if isinstance(cause, errors.DiskFull):
        return Unavailable("The service's database has no room to write: staff must free disk space.", retry_after=60)
    if isinstance(cause, errors.ReadOnlySqlTransaction):
        return Unavailable(
            "The service's database only reads at the moment: staff must point the service at the primary server.",
            retry_after=10,
        )
    return Unavailable("The service's database does not answer: try again later, and tell staff if it lasts.")
