"""Identifiers that we make."""

import secrets
import string
from uuid import UUID, uuid4

CLIENT_ID_LENGTH = 13  # sfapi_client 0.6.0 refuses any other length
_CLIENT_ID_ALPHABET = string.ascii_lowercase + string.digits


def new_client_id() -> str:
    """13 random characters of `[a-z0-9]` (67 bits)."""
    return "".join(secrets.choice(_CLIENT_ID_ALPHABET) for _ in range(CLIENT_ID_LENGTH))


def new_uuid() -> UUID:
    return uuid4()
