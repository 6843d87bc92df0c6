"""Who may belong to what and do what in it: roles' permissions, invitations and requests, the site's directory.

Not here: users, projects and groups themselves (`people`), which every room knows.
"""
