"""Who did what: the entries that every change leaves, and the chain that seals them (`chain`).

Not here: reading the chain from end to end, which is a use case.
"""

from superfacility.facility.audit.entries import AuditEntry, AuditLog, AuditQuery

__all__ = ["AuditEntry", "AuditLog", "AuditQuery"]
