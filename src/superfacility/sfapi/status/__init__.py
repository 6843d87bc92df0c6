"""Status: resources, outages, planned outages and notes. Public."""
