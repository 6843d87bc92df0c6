"""Advance reservations: read together, changed by tasks."""

from superfacility.services.reservations.service import ReservationRule, ReservationService

__all__ = ["ReservationRule", "ReservationService"]
