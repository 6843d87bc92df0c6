"""A database in one file for any number of processes on one host: one writer each, readers that never wait.

Leases and locks here are locked files beside it.
"""
