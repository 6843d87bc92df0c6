"""Work that is owed and how much of it one may ask for: the queue, what workers have in hand, quotas, allowances.

Not here: callbacks, which are delivered from a table of their own (`events`).
"""
