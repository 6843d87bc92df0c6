"""What happens, told to those who want to know: the feed of events, and callbacks by webhook and mail.

Not here: who notices it (the collectors and watchers append to the log), and anything about HTTP.
"""
