"""The port `Scheduler` with slurmrestd for submitting, cancelling and asking whether the controller lives."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.adapters.slurm.options import read_options
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.rest.access import RestAccess, open_access
from superfacility.adapters.slurm.rest.submitting import RestSubmitting
from superfacility.adapters.slurm.rest.tokens import load_tokens
from superfacility.adapters.slurm.rest.versions import Version
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.errors import InvalidInput, Unavailable
from superfacility.facility.jobs import JobId
from superfacility.facility.people import User, UserName
from superfacility.facility.scheduler import Capabilities
from superfacility.facility.site import Site
from superfacility.facility.transport import Transport

_OWN = ("socket", "url", "jwt_key", "timeout_seconds")


class RestScheduler(SlurmScheduler):
    """Everything else goes by the command line, as in `slurm`: the transport is needed here as well."""

    def __init__(self, programs: Programs, clock: Clock, access: RestAccess, home: Callable[[UserName], str]) -> None:
        super().__init__(programs, clock)
        self._access = access
        self._version = Version(access, programs.options.account)
        self._submitting = RestSubmitting(programs, self._found, clock, access, self._version, home)

    @classmethod
    def open(cls, site: Site, options: Mapping[str, Any], transport: Transport) -> "RestScheduler":
        """`jwt_key` is a copy of Slurm's own key that the gateway's account alone can read."""
        own = {name: options[name] for name in _OWN if name in options}
        rest = {name: value for name, value in options.items() if name not in _OWN}
        if not isinstance(own.get("jwt_key"), str):
            raise InvalidInput(
                f"scheduler of {site.system}: `jwt_key` is missing: the file with Slurm's key for tokens."
            )
        read = read_options(site.system, rest)
        if read.cluster is not None or "SLURM_CLUSTERS" in read.environment:
            raise InvalidInput(
                f"scheduler of {site.system}: `clusters` (or SLURM_CLUSTERS): slurmrestd submits and cancels in its "
                'own cluster only; use adapter "slurm" for several clusters.'
            )
        clock = SystemClock()
        programs = Programs(site.system, transport, read)
        tokens = load_tokens(Path(own["jwt_key"]), clock)
        access = open_access(own.get("socket"), own.get("url"), tokens, _timeout(site.system, own))
        return cls(programs, clock, access, site.home)

    async def capabilities(self) -> Capabilities:
        found, version = await super().capabilities(), await self._version.any()
        by = f"slurmrestd {version}"
        return replace(found, interface=by if await self._version.submitting() else f"{by}, which gets no submissions")

    async def cancel(self, user: User, job_id: JobId) -> None:
        """Where slurmrestd is not plainly content, scancel finds out why and has the words."""
        version = await self._version.submitting() if job_id.isascii() and job_id.isdecimal() else None
        if version is not None:
            answer = await self._access.ask(user.name, "DELETE", f"/slurm/{version}/job/{job_id}")
            if answer.error_number is None and not answer.content.get("status"):
                return
        await super().cancel(user, job_id)

    async def ping(self) -> None:
        if not await self._version.ping():
            raise Unavailable(
                f"{self._programs.system}: slurmrestd reaches no controller of Slurm; staff must look whether one "
                "is up, and whether `jwt_key` is Slurm's own key."
            )

    async def aclose(self) -> None:
        await super().aclose()
        await self._access.aclose()


def _timeout(system: str, own: Mapping[str, Any]) -> float:
    given = own.get("timeout_seconds", 30.0)
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise InvalidInput(f"scheduler of {system}: timeout_seconds: must be a number of seconds.")
    return float(given)
