"""A PostgreSQL database for any number of processes on any number of hosts.

Ordinary transactions on pooled connections, tried again when a connection is lost; LISTEN and NOTIFY to wake who waits;
leases and locks are advisory locks of one session for each process, which the server drops with that session.
"""
