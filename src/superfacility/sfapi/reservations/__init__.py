"""Reservations: list, create and delete advance reservations."""
