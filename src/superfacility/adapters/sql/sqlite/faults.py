"""What SQLite raises, in the facility's words. No exception of SQLAlchemy or sqlite3 leaves the package."""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from superfacility.facility.errors import Conflict, FacilityError, InvalidInput, Unavailable


def translate(problem: Exception) -> Exception:
    """The error to raise instead; what is not the database's comes back as it is."""
    if isinstance(problem, FacilityError):
        return problem
    original = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(problem, IntegrityError) or isinstance(original, sqlite3.IntegrityError):
        return Conflict(
            "The change contradicts what is already stored: a name is taken, or something still refers to it."
        )
    if isinstance(original, UnicodeEncodeError):
        return InvalidInput("The text is not valid Unicode.")
    if isinstance(original, OverflowError):
        return InvalidInput("A number is too large to be stored.")
    if isinstance(original, (sqlite3.Error, SQLAlchemyError)):
        return _unavailable(str(original))
    return problem


def _unavailable(words: str) -> Unavailable:
    if "locked" in words or "busy" in words:
        return Unavailable("The service's database is busy: try again in a moment.", retry_after=1)
    if "full" in words:
        return Unavailable("The service's database has no room to write: staff must free disk space.", retry_after=60)
    if "not a database" in words or "malformed" in words:
        return Unavailable("The service's database is damaged: staff must restore it from a backup.", retry_after=60)
    return Unavailable("The service's database does not answer: try again later, and tell staff if it lasts.")
