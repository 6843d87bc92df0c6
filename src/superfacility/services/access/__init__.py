"""Who may come in: tokens, applications that people log in to, grants, devices."""
