"""The command `sfapi`, one module a noun. Operator commands use `bootstrap`; user commands will speak HTTP only."""
