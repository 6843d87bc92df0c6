"""The audit log: sealing what was done, and proving that nobody has changed it since.

Also who may read it. Not here: writing entries. Each store does that in the transaction of the change.
"""

from superfacility.services.audit.reading import AuditReading
from superfacility.services.audit.sealing import Sealer
from superfacility.services.audit.verification import Verification, verify

__all__ = ["AuditReading", "Sealer", "Verification", "verify"]
