"""The audit log and the chain that seals it. Every other store adds its entries with `log.add_entry`.

Not here: events that callers may follow (`events`).
"""
