"""Meta: what changed, and the configuration that programs may want to know. Public. Machines' state is in `status`."""
