"""Which of slurmrestd's versions we speak."""

from superfacility.adapters.slurm.rest.access import RestAccess, RestAnswer
from superfacility.facility.errors import Doubtful, Unavailable
from superfacility.facility.people import UserName

_SPOKEN = ("v0.0.45", "v0.0.44", "v0.0.43", "v0.0.42", "v0.0.41", "v0.0.40")
"""Newest first: those of the data parsers of Slurm 23.11 to 26.05, alike in what we use."""
_OLD = ("v0.0.38", "v0.0.37", "v0.0.36")
"""Slurm 22.05: good for a ping; it can die of a submission with arguments (seen in 22.05.8), so it gets none."""


class Version:
    """Probed once, as the collector's account, and remembered."""

    def __init__(self, access: RestAccess, reader: UserName) -> None:
        self._access = access
        self._reader = reader
        self._found: str | None = None

    async def any(self) -> str:
        """`Unavailable` if slurmrestd does not answer or speaks none that we do."""
        if self._found is None:
            self._found = await self._probe()
        return self._found

    async def submitting(self) -> str | None:
        """None where submissions go by sbatch."""
        found = await self.any()
        return found if found in _SPOKEN else None

    async def ping(self) -> bool:
        """Whether a controller is up."""
        answer = await self._answer(await self.any())
        return any(_up(each) for each in answer.content.get("pings") or ())

    async def _probe(self) -> str:
        """A version that is there, but does not say how the controllers are, does not believe our token."""
        for version in (*_SPOKEN, *_OLD):
            answer = await self._answer(version)
            if isinstance(answer.content.get("pings"), list):
                return version
            if answer.error_number is not None and answer.content:
                raise Unavailable(
                    f"slurmrestd refuses us ({answer.words}); staff must compare `jwt_key` with Slurm's own key, and "
                    "the clocks."
                )
        raise Unavailable(f"slurmrestd speaks none of {', '.join((*_SPOKEN, *_OLD))}; use the adapter `slurm`.")

    async def _answer(self, version: str) -> RestAnswer:
        try:
            return await self._access.ask(self._reader, "GET", f"/slurm/{version}/ping")
        except Doubtful as problem:
            raise Unavailable("slurmrestd does not answer in time.") from problem


def _up(ping: dict[str, object]) -> bool:
    """`ping` in 22.05, `pinged` since 23.11, `responding` in the newest."""
    return "UP" in (ping.get("ping"), ping.get("pinged")) or ping.get("responding") is True
