"""`sfapi projects`: `noun` puts its verbs together."""
