"""Account: user, projects with balances, roles, groups, clients. Who may see what is asked in `services`."""
