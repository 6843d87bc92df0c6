"""What an HPC facility is, and the ports to reach it.

Pure: no I/O, no SQL, no HTTP, no library but the standard one.
"""
