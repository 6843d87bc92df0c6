"""What stores ask of a database, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection

from superfacility.adapters.sql.engine.prepared import PreparedRead

Value = TypeVar("Value")
EVERYBODY = "everybody"
"""The turn of changes that look before they write: one at a time among all processes and hosts."""
PROVING_KEY = "proving_key"
"""The option of a connection that has the key of `prove_with`."""
DOUBT = (
    "The service's database was lost while it stored this, and whether it did is not known: look before you try again."
)
"""What `Doubtful` says of a change that may have been committed."""


class Database(ABC):
    """Open it once per process. What `write` has returned from is durable, and seen by every later `read`, `glance`
    and `counter` of any process."""

    @abstractmethod
    async def write(self, change: Callable[[Connection], Value], *, turn: str | None = EVERYBODY) -> Value:
        """Run `change` in a transaction; what it raises undoes it alone. It may be run again after the connection was
        lost, so it alters nothing but the database. `Unavailable` where nothing was stored and nothing will be,
        `Doubtful` where nobody can tell.

        Changes of one `turn` wait for each other, so that each sees what the ones before it did, and their new ids
        become visible in order. None waits for nobody: for changes of single statements that are right whatever others
        do meanwhile.
        """

    @abstractmethod
    async def read(self, look: Callable[[Connection], Value]) -> Value:
        """Run `look` in a thread, all of it on one snapshot; it may be run again, too."""

    @abstractmethod
    async def glance(self, statement: PreparedRead, parameters: Mapping[str, Any]) -> Any | None:
        """One row by its key, or None."""

    @abstractmethod
    async def counter(self, name: str) -> int:
        """What `raise_counter` has counted, with every change that was committed before this call."""

    @abstractmethod
    def announced(self, name: str) -> int:
        """Grows after every `announce` of any process, without waiting for the database."""

    def listen(self, name: str, ring: Callable[[], None]) -> None:  # noqa: B027
        """Call `ring`, from any thread, when `announced` grows. A database that cannot tell never calls."""

    def data_version(self) -> object | None:
        """Differs from the last call's value if any process has committed since; None: it cannot be told at once."""
        return None

    @abstractmethod
    def prove_with(self, key: bytes) -> None:
        """From now on the rows of audit that this process writes have a proof made with `key`."""

    @abstractmethod
    async def check(self) -> list[str]:
        """What is wrong with it, one sentence each; empty if nothing is."""

    @abstractmethod
    async def aclose(self) -> None:
        """Commit what is queued, and let go."""
