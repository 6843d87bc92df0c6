"""What we prove ourselves with at a provider, and what its tokens prove of each other."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwk
from joserfc.util import json_b64encode, urlsafe_b64encode

from superfacility.adapters.oidc import ProviderConfiguration
from superfacility.adapters.oidc.discovery import Metadata
from superfacility.adapters.oidc.id_token import checked_id_token
from superfacility.adapters.oidc.token_request import private_key, redeem
from superfacility.facility.errors import InvalidInput, NotPermitted
from superfacility.oauth.identity.providers import HttpAnswer, Visit
from superfacility.oauth.signatures import read, sign, verify

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ISSUER = "https://lab.example"
KEYS = {
    "PS256": jwk.RSAKey.generate_key(2048),
    "ES256": jwk.ECKey.generate_key("P-256"),
    "EdDSA": jwk.OKPKey.generate_key("Ed25519"),
}


class Listening:
    """Keeps the one request that it is sent."""

    def check(self, url: str) -> None: ...

    async def ask(self, method: str, url: str, headers: Any, body: bytes = b"") -> HttpAnswer:
        self.headers, self.form = dict(headers), {name: value[0] for name, value in parse_qs(body.decode()).items()}
        return HttpAnswer(200, "application/json", b"{}")

    async def aclose(self) -> None: ...


async def sent(basic: bool = True, **configured: Any) -> Listening:
    http = Listening()
    metadata = Metadata(ISSUER, f"{ISSUER}/token", ISSUER, None, None, names_itself=True, basic=basic)
    await redeem(
        http, metadata, ProviderConfiguration(ISSUER, "us", **configured), "c", Visit(), "https://us/back", NOW
    )
    return http


@pytest.mark.parametrize("algorithm", KEYS)
async def test_a_private_key_of_each_kind_signs_for_the_issuer_alone(algorithm: str) -> None:
    key = KEYS[algorithm]
    http = await sent(private_key=lambda: key.as_pem(private=True))
    found = read(http.form["client_assertion"])
    verify(found, [key])
    assert found.header["alg"] == algorithm
    assert found.header["kid"] == key.thumbprint()
    assert (found.claims["iss"], found.claims["aud"]) == ("us", ISSUER)
    assert found.claims["exp"] - NOW.timestamp() == 60
    assert "authorization" not in http.headers
    assert "client_secret" not in http.form


@pytest.mark.parametrize(
    ("basic", "in_form", "wants"), [(True, None, False), (False, None, True), (True, True, True), (False, False, False)]
)
async def test_a_secret_goes_where_the_provider_or_the_facility_says(
    basic: bool, in_form: bool | None, wants: bool
) -> None:
    http = await sent(basic, secret=lambda: b"s\n", secret_in_form=in_form)
    assert ("authorization" in http.headers) is not wants
    assert (http.form.get("client_secret") == "s") is wants


@pytest.mark.parametrize(
    "pem", [b"", b"-----BEGIN NOTHING-----", KEYS["ES256"].as_pem(private=False)], ids=["empty", "nothing", "public"]
)
def test_what_is_no_private_key_is_named(pem: bytes) -> None:
    with pytest.raises(InvalidInput, match="private_key_file"):
        private_key(pem)


class OneKey:
    def __init__(self, key: jwk.Key) -> None:
        self.key = key

    async def matching(self, kid: object, algorithm: str) -> list[jwk.Key]:
        return [self.key]


def id_token(algorithm: str, at_hash: str) -> str:
    seconds = int(NOW.timestamp())
    claims = {"iss": ISSUER, "aud": "us", "sub": "s", "nonce": "n", "iat": seconds, "exp": seconds + 60}
    header = json_b64encode({"alg": algorithm})
    return sign(header, json.dumps(claims | {"at_hash": at_hash}).encode(), algorithm, KEYS[algorithm])


def half(name: str, text: str) -> str:
    digest = hashlib.new(name, text.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).decode()


@pytest.mark.parametrize(("algorithm", "hash_name"), [("PS256", "sha256"), ("ES256", "sha256"), ("EdDSA", "sha512")])
async def test_the_access_token_must_be_the_one_that_the_id_token_means(algorithm: str, hash_name: str) -> None:
    async def check(at_hash: str) -> dict[str, Any]:
        configuration = ProviderConfiguration(ISSUER, "us")
        keys: Any = OneKey(KEYS[algorithm])
        token = id_token(algorithm, at_hash)
        return await checked_id_token(token, configuration, keys, nonce="n", access_token="the one", now=NOW)

    assert (await check(half(hash_name, "the one")))["sub"] == "s"
    with pytest.raises(NotPermitted):
        await check(half(hash_name, "another"))
