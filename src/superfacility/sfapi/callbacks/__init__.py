"""Callbacks: what was sent of one's jobs, sending it again, and the secret that it is signed with.

Beside the contract, which knows callbacks only as fields of a submission. Not here: the submission (`compute`).
"""
