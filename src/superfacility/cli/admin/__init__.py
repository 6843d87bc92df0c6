"""`sfapi admin`: one module a noun. What every noun needs is in `desk`; the rules are in `services` and the stores."""
