"""The token service as pure protocol: scopes and levels, clients, assertions, tokens. It knows no HTTP and no SQL."""
