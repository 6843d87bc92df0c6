"""Exchanging the code for tokens, with proof that it is us."""

import json
from base64 import b64encode
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode

from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.util import json_b64encode

from superfacility.adapters.oidc.asking import ask_json, unusable
from superfacility.adapters.oidc.configuration import ProviderConfiguration
from superfacility.adapters.oidc.discovery import Metadata
from superfacility.adapters.oidc.id_token import unproven
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import InvalidInput
from superfacility.oauth.identity.providers import HttpExchange, Visit
from superfacility.oauth.signatures import sign
from superfacility.oauth.token_requests import ASSERTION_TYPE

_ALGORITHMS = {"RSA": "PS256", "EC": "ES256", "OKP": "EdDSA"}
_ASSERTION_SECONDS = 60


async def redeem(
    http: HttpExchange,
    metadata: Metadata,
    configuration: ProviderConfiguration,
    code: str,
    visit: Visit,
    redirect_uri: str,
    now: datetime,
) -> dict[str, Any]:
    """The token response. `NotPermitted` if the provider does not take the code (any more)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": visit.verifier,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    _prove(configuration, metadata, form, headers, now)
    status, answer = await ask_json(http, "POST", metadata.token_endpoint, headers, urlencode(form).encode())
    if status == 200:
        return answer
    error = answer.get("error")
    if error == "invalid_grant":
        raise unproven("the provider does not take the code")
    raise unusable(f"{metadata.token_endpoint}: status {status}, {error}")


def _prove(
    configuration: ProviderConfiguration,
    metadata: Metadata,
    form: dict[str, str],
    headers: dict[str, str],
    now: datetime,
) -> None:
    if configuration.private_key is not None:
        form["client_id"] = configuration.client_id
        form["client_assertion_type"] = ASSERTION_TYPE
        form["client_assertion"] = _assertion(configuration, now)
        return
    assert configuration.secret is not None, "one of the two is there"
    secret = configuration.secret().decode("utf-8").strip()
    in_form = configuration.secret_in_form
    if in_form is False or (in_form is None and metadata.basic):
        pair = f"{quote_plus(configuration.client_id)}:{quote_plus(secret)}"  # RFC 6749 section 2.3.1
        headers["authorization"] = "Basic " + b64encode(pair.encode()).decode("ascii")
    else:
        form |= {"client_id": configuration.client_id, "client_secret": secret}


def _assertion(configuration: ProviderConfiguration, now: datetime) -> str:
    """RFC 7523; the issuer is the only audience, so that no other provider can use it."""
    assert configuration.private_key is not None, "asked before"
    key = private_key(configuration.private_key())
    issued, algorithm = int(now.timestamp()), _ALGORITHMS[key.key_type]
    claims = {
        "iss": configuration.client_id,
        "sub": configuration.client_id,
        "aud": configuration.issuer,
        "jti": str(new_uuid()),
        "iat": issued,
        "exp": issued + _ASSERTION_SECONDS,
    }
    header = {"alg": algorithm, "kid": key.thumbprint(), "typ": "JWT"}
    return sign(json_b64encode(header), json.dumps(claims).encode(), algorithm, key)


def private_key(pem: bytes) -> jwk.Key:
    for kind in (jwk.RSAKey, jwk.ECKey, jwk.OKPKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            return key
    raise InvalidInput("private_key_file: there is no private key (PEM) in it that we can sign with.")
