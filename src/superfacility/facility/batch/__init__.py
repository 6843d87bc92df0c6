"""What a batch script says of itself: its `#SBATCH` lines, and the options in them.

Not here: jobs (`jobs`), and what a scheduler makes of the options.
"""
