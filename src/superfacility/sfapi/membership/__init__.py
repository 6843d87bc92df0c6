"""Projects from inside, beside the contract: details, members, invitations, requests to join.

Who may do what is asked in `services/membership`.
"""
