"""What any room may use: clock, identifiers, logging, pagination.

No domain here: what knows a job or a client lives elsewhere.
"""
