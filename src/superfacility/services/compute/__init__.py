"""Jobs: what callers see of them (one reading for all), what they ask for, and the tasks that do it.

Not here: reservations, charges, and anything about HTTP.
"""
