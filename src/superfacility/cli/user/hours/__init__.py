"""Hours of projects: what is left, what was used, how they are given and divided."""
