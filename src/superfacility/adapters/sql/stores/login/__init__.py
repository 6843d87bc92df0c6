"""How people prove who they are: accounts with passwords, identities at providers, attempts, sessions of browsers.

Not here: what programs may do once somebody has logged in (`access`).
"""
