"""Superfacility: an open implementation of the NERSC Superfacility API."""
