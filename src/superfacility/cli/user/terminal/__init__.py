"""How commands meet a person or a script: arguments, output, progress, interruptions, failures and exit codes.

Nothing here knows a job or a file.
"""
