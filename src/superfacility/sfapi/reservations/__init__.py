"""Reservations: list, create and delete advance reservations. Whether there is room is the scheduler's to say."""
