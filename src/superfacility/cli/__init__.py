"""The command `sfapi`, one module a noun. Operator commands use `bootstrap`; user commands will speak HTTP only.

No rule of the domain lives here: commands read arguments, call a service or a store, and print.
"""
