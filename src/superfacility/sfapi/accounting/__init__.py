"""Hours below `/account`: allocations, shares, rules, usage over time. Balances as v1.2 has them are in `account`."""
