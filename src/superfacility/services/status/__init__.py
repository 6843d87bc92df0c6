"""What the public sees of the facility's health: what staff announce, what probes find, and what became of both.

Not here: how it looks on the wire, and where it is kept.
"""

from superfacility.services.status.checks import Shares
from superfacility.services.status.probes import ProbeRules
from superfacility.services.status.probing import Probes
from superfacility.services.status.service import StatusService
from superfacility.services.status.summaries import SystemSummaries
from superfacility.services.status.view import StatusView
from superfacility.services.status.watch import StatusWatch

__all__ = ["ProbeRules", "Probes", "Shares", "StatusService", "StatusView", "StatusWatch", "SystemSummaries"]
