"""Durable asynchronous work: what a task is, the queue that keeps it, the keys that name requests, the registry of
handlers, the worker.

No handler lives here (they are in `services`), and no SQL.
"""
