"""What projects are given and what their use costs: charges and their formula, allocations, a scheduler's accounts.

Not here: who belongs to a project (`people`, `membership`), and what one may do in a day (`allowances`).
"""
