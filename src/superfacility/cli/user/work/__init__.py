"""What runs: jobs and what they print, commands, tasks, reservations."""
