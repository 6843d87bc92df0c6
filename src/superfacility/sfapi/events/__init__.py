"""Events: what changes, told as it changes. What a job or a resource is now is read from its own group, not here."""
