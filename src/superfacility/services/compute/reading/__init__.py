"""How one reading of a scheduler is made, compared with the last one, kept and shared between processes.

Not here: who may see what of it (listings), and when to read (the collector).
"""
