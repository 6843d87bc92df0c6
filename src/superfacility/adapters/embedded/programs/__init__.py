"""The six Slurm programs, thin: they read their command line, ask the daemon one question, and print as Slurm does."""
