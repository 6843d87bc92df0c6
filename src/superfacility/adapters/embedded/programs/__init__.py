"""The six Slurm programs, thin: they read their command line, ask the daemon one question, and print as Slurm does.

What a job may ask for is in `request`, what happens to it in `daemon`: nothing is decided here.
"""
