"""Login for applications as pure protocol: requests for authorization, the secrets that stand for grants, `id_token`s,
proofs of possession.

Not here: who a person is (`logins`), and how applications and grants are remembered (`applications`).
"""
