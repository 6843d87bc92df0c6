"""Meta: what changed, and the configuration that programs may want to know. Public. The state of machines is in `status`."""
