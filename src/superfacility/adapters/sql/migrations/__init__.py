"""The history of the schema, one file a step in `versions`. Steps are never changed once released.

The tables as they are now are in `tables`, not here.
"""
