"""Submits scripts by slurmrestd where that is certain to mean the same as sbatch, and by sbatch otherwise."""

from collections.abc import Awaitable, Callable
from typing import Any

from superfacility.adapters.slurm.acting.submitting import Submitting
from superfacility.adapters.slurm.capabilities import Found
from superfacility.adapters.slurm.carrier import NAME, carrier
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.rest.access import RestAccess, RestAnswer
from superfacility.adapters.slurm.rest.properties import NotForRest, Properties, job_properties
from superfacility.adapters.slurm.rest.versions import Version
from superfacility.adapters.slurm.words import away
from superfacility.core.clock import Clock
from superfacility.facility.errors import Doubtful, Refused
from superfacility.facility.jobs import Intent, JobId, JobScript
from superfacility.facility.people import User, UserName

_OWN_ERRORS = range(2000, 5000)
"""Slurm's numbers (slurm_errno.h) for what the controller has decided; all others are about reaching it."""
_PATH = "/usr/local/bin:/usr/bin:/bin"


class RestSubmitting(Submitting):
    """A job of slurmrestd has no submit line, so the accounting cannot prove that there is none: only the controller
    can, for as long as it remembers."""

    def __init__(
        self,
        programs: Programs,
        found: Callable[[], Awaitable[Found]],
        clock: Clock,
        access: RestAccess,
        version: Version,
        home: Callable[[UserName], str],
    ) -> None:
        super().__init__(programs, found, clock)
        self._access = access
        self._version = version
        self._home = home

    def _remembered(self, found: Found) -> float | None:
        return found.minimum_job_age

    async def _send(self, user: User, script: JobScript, intent: Intent) -> JobId:
        properties = self._properties(user, script, intent)
        version = await self._version.submitting() if properties is not None else None
        if properties is None or version is None:
            return await super()._send(user, script, intent)
        body = {"script": script.text, "job": properties}
        return self._submitted(await self._access.ask(user.name, "POST", f"/slurm/{version}/job/submit", body))

    def _properties(self, user: User, script: JobScript, intent: Intent) -> Properties | None:
        """None for what is sbatch's: what has a path, an uncertain option, or what sbatch refuses in its own words."""
        text = script.text
        if text is None or script.path is not None or not text.startswith("#!") or "\0" in text or "\r\n" in text:
            return None
        try:
            asked = job_properties(text)
        except NotForRest:
            return None
        home = self._home(user.name)
        usual: dict[str, Any] = {
            "name": NAME,
            "argv": [f"{carrier(self._programs.options.spool, intent)}.0/{NAME}"],
            "current_working_directory": home,
            "environment": self._environment(user.name, home),
        }
        return usual | asked | ({} if script.project is None else {"account": script.project})

    def _environment(self, user: UserName, home: str) -> list[str]:
        values = {"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/bin/sh", "PATH": _PATH}
        return [f"{name}={value}" for name, value in (values | dict(self._programs.options.environment)).items()]

    def _submitted(self, answer: RestAnswer) -> JobId:
        number, job_id = answer.error_number, answer.content.get("job_id")
        if number is None and isinstance(job_id, int) and job_id > 0:
            return JobId(str(job_id))
        if number in _OWN_ERRORS and not away(answer.words):
            raise Refused(f"sbatch: error: Batch job submission failed: {answer.words}\n")
        if number is None or number == 0:
            raise Doubtful(f"{self._programs.system}: slurmrestd did not say whether it submitted: {answer.words}")
        raise Doubtful(f"{self._programs.system}: {answer.words}; it is not known whether the job was submitted.")
