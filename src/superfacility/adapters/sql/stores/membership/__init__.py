"""Who there is and who belongs to what: users, projects, groups, invitations, requests to join, the directory's copy.

Not here: hours that projects have (`accounting`), and how people log in (`login`).
"""
