"""Compute: list, look at, submit and cancel jobs."""
