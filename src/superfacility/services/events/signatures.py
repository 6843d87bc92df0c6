"""Signatures of webhooks as https://www.standardwebhooks.com defines them (HMAC-SHA256, `v1`)."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with


def secret_text(secret: bytes) -> str:
    return SECRET_PREFIX + b64encode(secret).decode("ascii")


def headers(message_id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """With one signature for each secret: while a secret is being replaced, receivers may know either."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(sign(message_id, stamp, body, secret) for secret in secrets),
    }


def sign(message_id: str, timestamp: str, body: bytes, secret: str) -> str:
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    content = b".".join([message_id.encode(), timestamp.encode(), body])
    return "v1," + b64encode(hmac.digest(key, content, "sha256")).decode("ascii")
