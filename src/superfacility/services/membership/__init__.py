"""People, projects and groups, and who belongs to them with which role. Hours and storage are in `accounting`."""
