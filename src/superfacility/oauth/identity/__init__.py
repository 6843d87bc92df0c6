"""Who the person at a browser is: built-in accounts, and identities at the facility's own providers."""
