"""The facility's health as it is published: the board of resources, outages and notes, and its history.

Not here: numbers about this installation itself (`vitals`).
"""
