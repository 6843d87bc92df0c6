"""What was given and used: allocations, how members share them, charges and their sums.

Not here: who is a member of what (`membership`), and how much one may do in a day (`tasks`).
"""
