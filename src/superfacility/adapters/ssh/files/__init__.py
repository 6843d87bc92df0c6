"""Files of one system by SFTP and `find`, as the calling user, with that user's own power.

What belongs here: paths, listings, reading, writing. What does not: connections and commands.
"""
