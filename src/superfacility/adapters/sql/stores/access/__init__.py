"""Programs and what they may do: clients, requests for them, applications, grants, tickets, tokens that are revoked.

Not here: how people prove who they are (`login`), and who belongs to which project (`membership`).
"""
