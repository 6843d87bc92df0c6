"""The provider's public keys, which it changes when it likes."""

from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError

from superfacility.adapters.oidc.asking import Remembered, ask_json, unusable
from superfacility.core.clock import Clock
from superfacility.oauth.identity.providers import HttpExchange
from superfacility.oauth.signatures import KEY_TYPES

_LIFETIME = 3600.0
_AT_MOST_EVERY = 30.0
"""Seconds between two looks for a key that is not among those we know: anybody can name one."""
_MIN_RSA_BITS = 2048


class ProviderKeys:
    """Keys by their id, read again when one is named that we do not know."""

    def __init__(self, http: HttpExchange, url: str, clock: Clock) -> None:
        self._http = http
        self._url = url
        self._keys = Remembered(self._fetch, clock, _LIFETIME)

    async def matching(self, kid: object, algorithm: str) -> list[jwk.Key]:
        """Those that may have made a signature: the one with that id, or all where the token names none."""
        found = _chosen(await self._keys.get(), kid, algorithm)
        return found or _chosen(await self._keys.get(younger_than=_AT_MOST_EVERY), kid, algorithm)

    async def _fetch(self) -> list[jwk.Key]:
        status, found = await ask_json(self._http, "GET", self._url)
        listed = found.get("keys")
        if status != 200 or not isinstance(listed, list):
            raise unusable(f"{self._url}: status {status}, no keys")
        return [key for each in listed[:100] if (key := _key(each)) is not None]


def _key(found: Any) -> jwk.Key | None:
    """None for a key that is not for signatures, or of a kind that we do not know."""
    if not isinstance(found, dict) or found.get("use", "sig") != "sig" or found.get("kty") not in KEY_TYPES.values():
        return None
    try:
        key = jwk.import_key({name: value for name, value in found.items() if name not in {"d", "key_ops"}})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, jwk.RSAKey) and key.public_key.key_size < _MIN_RSA_BITS:
        return None
    return key


def _chosen(keys: list[jwk.Key], kid: object, algorithm: str) -> list[jwk.Key]:
    return [
        key
        for key in keys
        if key.key_type == KEY_TYPES[algorithm] and key.alg in (None, algorithm) and kid in (None, key.kid)
    ]
