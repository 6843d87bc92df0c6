"""Status: resources, outages, planned outages and notes. Public. Operators write them with `sfapi admin`, not here."""
