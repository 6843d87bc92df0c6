"""Following the site's directory of people: what its entries mean for our users, everybody by turns, one at a time.

The directory is the source of who there is; roles, allocations and clients are ours alone. How a directory is read is
an adapter's business.
"""
