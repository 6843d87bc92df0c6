"""What every store is built on, whichever the database: the `Database` itself, counters, alarms, portable statements.

Not here: what is stored (`stores`, `tables`), and how one database does it (`sqlite`, `postgresql`).
"""
