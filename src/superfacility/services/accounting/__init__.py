"""What people and projects were given and have used: balances, charges, usage over time, allocations, and
the accounts that a scheduler keeps itself.

Who is a member of what is in `membership`.
"""
