"""What a job asks for: `#SBATCH` lines and options of `sbatch`, read by pure functions. No I/O."""
