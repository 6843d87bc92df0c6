"""Transfers between systems and the archive: `/storage`."""
