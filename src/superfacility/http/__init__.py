"""What all wire packages share: errors (one table), security (Principal, `requires(Scope)`), bodies, OpenAPI.

No endpoint lives here.
"""
