"""What Slurm's programs print, as pure functions: build the arguments, parse the output. No transport here."""
