"""A real little scheduler for a laptop or one server: a daemon, a supervisor per job, and the Slurm programs in front.

What belongs here: everything that runs and remembers jobs without Slurm. What does not: SQL, HTTP, tasks of ours. This
module imports nothing at its top, because the programs and the daemon start with the standard library alone.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from superfacility.facility.scheduler import Scheduler
    from superfacility.facility.site import Site
    from superfacility.facility.transport import Transport


def open_scheduler(site: "Site", options: Mapping[str, Any], transport: "Transport") -> "Scheduler":
    """The scheduler of one system. Writes its configuration and programs; the daemon starts at the first need."""
    from superfacility.adapters.embedded.adapter import EmbeddedScheduler

    return EmbeddedScheduler.open(site, options, transport)
