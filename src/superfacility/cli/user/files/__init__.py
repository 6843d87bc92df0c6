"""Files of systems: listing, printing, copying."""
