"""Directories of people: one in memory, and a real slapd for one test run."""

from superfacility.testing.directories.memory import MemoryDirectory
from superfacility.testing.directories.slapd import Slapd, have_slapd, running

__all__ = ["MemoryDirectory", "Slapd", "have_slapd", "running"]
