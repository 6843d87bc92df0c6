"""Transfers between systems and the archive: `/storage`. Single files are read and written by `/utilities`."""
