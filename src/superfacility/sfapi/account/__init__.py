"""Account: user, projects with balances, roles, groups, clients."""
