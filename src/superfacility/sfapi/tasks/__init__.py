"""Tasks: follow and cancel asynchronous work. What starts it is in the groups, what does it in `services`."""
