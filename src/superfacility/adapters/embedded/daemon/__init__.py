"""The scheduler's own process: journal, queue, planning, supervisors of jobs.

It knows the standard library alone, so that it starts in a moment. What belongs elsewhere: the port and the programs.
"""
