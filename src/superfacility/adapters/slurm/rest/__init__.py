"""slurmrestd for what it does better than the programs: submitting, cancelling, asking whether the controller lives.

Rows of jobs, reservations and changes stay with the command line: there every version of Slurm tells the truth.
"""
