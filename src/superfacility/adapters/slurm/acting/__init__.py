"""What changes something at Slurm: submissions and how they are found again, control of jobs, reservations."""
