"""Tasks: follow and cancel asynchronous work."""
