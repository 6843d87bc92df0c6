"""Locks by name between all processes of an installation, on one host or several."""

from typing import Protocol


class Locks(Protocol):
    """Each dies with the process that holds it: nobody waits for a clock, and nobody needs to clean up.

    A holder that the database has lost sight of no longer holds it; `held` tells.
    """

    async def try_acquire(self, name: str) -> bool:
        """Take it now or not at all. True as well if this process holds it already."""

    async def held(self, name: str) -> bool:
        """Whether this process holds it, asked anew."""

    async def release(self, name: str) -> None:
        """Silently nothing if it is not held."""

    async def aclose(self) -> None:
        """Release all."""
