"""What happens and who is told: the log of events, the schedulers' readings they are found in, callbacks.

Not here: who did it (`audit`), and the facility's health (`status`).
"""
