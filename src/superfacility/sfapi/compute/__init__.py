"""Compute: list, look at, submit and cancel jobs. The tasks that do it are read back under `/tasks`, not here."""
