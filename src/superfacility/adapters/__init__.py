"""One package per outside thing.

An adapter knows ports (facility, oauth, tasks) and one technology; never another adapter.
"""
