"""The token service on the wire: token, JWKS, discovery. The protocol itself is in `oauth`."""
