"""`sfapi admin`: one module a noun. What every noun needs is in `desk`.

The rules are in `services` and the stores, not here.
"""
