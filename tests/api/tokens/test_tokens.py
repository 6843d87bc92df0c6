"""The token endpoint as real programs and attackers meet it: goals S1 and S2, contract section 2."""

import asyncio
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from superfacility.facility.errors import Doubtful
from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import ClientKey
from superfacility.oauth.errors import NotGenuine
from superfacility.oauth.keys import generate_key_pair, private_pem
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.oauth.signatures import read
from superfacility.testing.tokens import LEFT_OUT, Program, key_pair, segment, sign_as_told, token_form

ISSUER = "https://facility.example"
TOKEN_URL = f"{ISSUER}/oauth2/token"
STRANGER = 7  # the number of a key that nobody has registered


def claims_of(token: str) -> dict[str, Any]:
    return dict(read(token).claims)


def assert_refused(answer, status: int = 401, error: str = "invalid_client") -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    assert body["error"] == error
    assert answer.headers["cache-control"] == "no-store"
    if status == 401:
        assert answer.headers["www-authenticate"]


async def test_a_program_gets_a_token_with_exactly_four_members(facility, program):
    answer = await facility.post(program.assertion(facility.clock.now()))
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access_token", "scope", "token_type", "expires_in"}
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 600
    assert set(body["scope"].split()) == scopes_of(SecurityLevel.RED)
    assert answer.headers["cache-control"] == "no-store"


async def test_the_token_is_an_rfc_9068_token(facility, program):
    token = await facility.token(program)
    assert read(token).header.keys() == {"typ", "alg", "kid"}
    assert read(token).header["typ"] == "at+jwt"
    assert read(token).header["alg"] == "RS256"
    claims = claims_of(token)
    now = int(facility.clock.now().timestamp())
    assert claims["iss"] == ISSUER
    assert claims["aud"] == f"{ISSUER}/api/v1.2"
    assert claims["sub"] == "demo1"
    assert claims["client_id"] == program.client_id
    assert claims["level"] == "red"
    assert (claims["iat"], claims["exp"]) == (now, now + 600)
    assert claims["jti"] != claims_of(await facility.token(program))["jti"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_each_kind_of_key(facility, algorithm):
    program = Program(TOKEN_URL, algorithm=algorithm)
    await facility.register(program)
    assert await facility.token(program)


@pytest.mark.parametrize(("kind", "algorithm"), [("RS256", "PS256"), ("EdDSA", "Ed25519")])
async def test_an_rsa_key_may_sign_ps256_and_eddsa_has_a_newer_name(facility, kind, algorithm):
    program = Program(TOKEN_URL, algorithm=kind)
    await facility.register(program)
    payload = json.dumps(program.claims(facility.clock.now())).encode()
    assertion = sign_as_told({"alg": algorithm}, payload, program.private, algorithm)
    assert (await facility.post(assertion)).status_code == 200


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        pytest.param({}, {"aud": ISSUER}, id="aud is the issuer"),
        pytest.param({}, {"aud": "https://alias.example/token"}, id="aud is another public token URL"),
        pytest.param({"typ": LEFT_OUT}, {"iat": LEFT_OUT, "jti": LEFT_OUT}, id="as the training's shell script"),
        pytest.param({"typ": LEFT_OUT}, {"jti": LEFT_OUT}, id="as Superfacility.jl"),
        pytest.param({"typ": "jwt"}, {}, id="typ in small letters"),
        pytest.param({"typ": "client-authentication+jwt"}, {}, id="typ of the newer RFC"),
        pytest.param({"kid": "whatever"}, {}, id="unknown kid"),
        pytest.param({"kid": "' OR 1=1 --"}, {}, id="SQL-ish kid"),
        pytest.param({"kid": "../../etc/passwd"}, {}, id="path-ish kid"),
        pytest.param({}, {"extra": {"a": [1, 2]}}, id="unknown claims"),
    ],
)
async def test_what_real_programs_send(facility, program, header, changes):
    assert (await facility.post(program.assertion(facility.clock.now(), header=header, **changes))).status_code == 200


@pytest.mark.parametrize("ahead", [60, 600, 3600, 86400, 86409])
async def test_compat_takes_a_day_and_the_leeway(facility, program, ahead):
    expires = int(facility.clock.now().timestamp()) + ahead
    assert (await facility.post(program.assertion(facility.clock.now(), exp=expires))).status_code == 200


@pytest.mark.parametrize("name", ["iat", "nbf"])
async def test_clocks_may_differ_by_the_leeway(facility, program, name):
    soon = facility.clock.now().timestamp() + 9
    assert (await facility.post(program.assertion(facility.clock.now(), **{name: soon}))).status_code == 200


async def test_parameters_in_the_query_string(facility, program):
    async with facility.caller() as http:
        answer = await http.post("/oauth2/token", params=token_form(program.assertion(facility.clock.now())))
    assert answer.status_code == 200


async def test_each_registered_key_is_tried(facility):
    program = Program(TOKEN_URL)
    others = [key_pair("ES256")[1], {**key_pair("RS256", STRANGER)[1], "kid": "one"}, {**program.public, "kid": "one"}]
    await facility.register(program, keys=tuple(ClientKey(key) for key in others))
    assert await facility.token(program)


async def test_the_client_id_may_come_along(facility, program):
    answer = await facility.post(program.assertion(facility.clock.now()), client_id=program.client_id)
    assert answer.status_code == 200


async def test_scope_narrows(facility, program):
    answer = await facility.post(program.assertion(facility.clock.now()), scope="tasks.task:read account.info:read")
    assert answer.json()["scope"] == "account.info:read tasks.task:read"


Forge = Callable[[Program, Any], str]


def changed(header: dict[str, Any] | None = None, **changes: Any) -> Forge:
    return lambda program, now: program.assertion(now, header=header, **changes)


def at(name: str, seconds: float) -> Forge:
    return lambda program, now: program.assertion(now, **{name: now.timestamp() + seconds})


def raw_claim(name: str, text: str) -> Forge:
    """A claim written as JSON text that Python would not write, or a member twice."""

    def forge(program: Program, now: Any) -> str:
        claims = json.dumps(program.claims(now, **{name: LEFT_OUT}))
        return program.signed(f'{claims[:-1]}, "{name}": {text}}}'.encode())

    return forge


def twice(name: str) -> Forge:
    def forge(program: Program, now: Any) -> str:
        claims = program.claims(now)
        return program.signed(f'{{"{name}": "other", {json.dumps(claims)[1:]}'.encode())

    return forge


def payload(content: bytes) -> Forge:
    return lambda program, now: program.signed(content)


def header(content: bytes) -> Forge:
    return lambda program, now: program.signed(json.dumps(program.claims(now)).encode(), content)


def unsigned(algorithm: str) -> Forge:
    def forge(program: Program, now: Any) -> str:
        claims = json.dumps(program.claims(now)).encode()
        return f"{segment(json.dumps({'alg': algorithm}).encode())}.{segment(claims)}."

    return forge


def hmac_with_public_key(program: Program, now: Any) -> str:
    """CVE-2024-37568: the public key as the secret of HS256."""
    pem = jwk.RSAKey.import_key(program.public).as_pem(private=False)
    header = segment(b'{"alg": "HS256"}')
    signing_input = f"{header}.{segment(json.dumps(program.claims(now)).encode())}"
    return f"{signing_input}.{segment(hmac.digest(pem, signing_input.encode(), 'sha256'))}"


def by_stranger(**more: Any) -> Forge:
    """Signed by a key that is not registered, with header members that offer it."""

    def forge(program: Program, now: Any) -> str:
        private = key_pair("RS256", STRANGER)[0]
        return sign_as_told({"alg": "RS256", **more}, json.dumps(program.claims(now)).encode(), private, "RS256")

    return forge


def offering_own_key(program: Program, now: Any) -> str:
    """CVE-2026-27962: the key comes along in the header (short enough to pass the size limit)."""
    private, public = key_pair("EdDSA", STRANGER)
    claims = json.dumps(program.claims(now)).encode()
    return sign_as_told({"alg": "EdDSA", "jwk": public}, claims, private, "EdDSA")


def wrong_key_type(algorithm: str) -> Forge:
    """A good signature of another algorithm by another kind of key than the registered one."""

    def forge(program: Program, now: Any) -> str:
        claims = json.dumps(program.claims(now)).encode()
        return sign_as_told({"alg": algorithm}, claims, key_pair(algorithm)[0], algorithm)

    return forge


def edited(edit: Callable[[list[str]], list[str]], joint: str = ".") -> Forge:
    return lambda program, now: joint.join(edit(program.assertion(now).split(".")))


def other_algorithm_said(algorithm: str) -> Forge:
    """The header says another algorithm than the one that signed."""
    return lambda program, now: program.assertion(now, header={"alg": algorithm})


def as_access_token(program: Program, now: Any) -> str:
    return program.assertion(now, header={"typ": "at+jwt"})


def nested(program: Program, now: Any) -> str:
    inner = program.assertion(now)
    return program.signed(inner.encode(), {"alg": "RS256", "cty": "JWT"})


DEEP = b'{"a":' * 3000 + b"1" + b"}" * 3000
DEEP_LIST = b"[" * 100_000

BAD: dict[str, Forge] = {
    **{f"alg {name}": unsigned(name) for name in ("none", "None", "NONE", "nOnE", "")},
    "HS256 with the public key": hmac_with_public_key,
    "alg that does not exist": header(b'{"alg": "RS257"}'),
    "alg that we do not take: RS512": other_algorithm_said("RS512"),
    "alg that we do not take: ES384": other_algorithm_said("ES384"),
    "alg is a number": header(b'{"alg": 1}'),
    "alg is a list": header(b'{"alg": ["RS256"]}'),
    "alg is null": header(b'{"alg": null}'),
    "no alg": header(b'{"typ": "JWT"}'),
    "alg twice": header(b'{"alg": "none", "alg": "RS256"}'),
    "header is a list": header(b'["alg"]'),
    "header is a number": header(b"5"),
    "header is a text": header(b'"alg"'),
    "header is no JSON": header(b"alg"),
    "header is no UTF-8": header(b'{"alg": "RS256", "kid": "\xff"}'),
    "header is deep": header(b'{"alg":"RS256","kid":' + b"[" * 200),
    "header is long": header(json.dumps({"alg": "RS256", "kid": "x" * 600}).encode()),
    "said PS256, signed RS256": other_algorithm_said("PS256"),
    "ES256 by an unregistered kind of key": wrong_key_type("ES256"),
    "EdDSA by an unregistered kind of key": wrong_key_type("EdDSA"),
    "unregistered key": by_stranger(),
    "unregistered key with a kid": by_stranger(kid="one"),
    "jku": by_stranger(jku="https://evil.example/keys"),
    "x5u": by_stranger(x5u="https://evil.example/chain"),
    "x5c": by_stranger(x5c=["AAAA"]),
    "jwk": offering_own_key,
    "jku, right key": changed({"jku": "https://evil.example/keys"}),
    "crit unknown": changed({"crit": ["evil"], "evil": 1}),
    "crit without its member": changed({"crit": ["exp"]}),
    "crit b64": changed({"crit": ["b64"], "b64": True}),
    "crit b64 false": changed({"crit": ["b64"], "b64": False}),
    "crit empty": changed({"crit": []}),
    "zip": changed({"zip": "DEF"}),
    "enc": changed({"enc": "A256GCM"}),
    "nested token": nested,
    "JWE": lambda program, now: ".".join(["eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ", "AA", "AA", "AA", "AA"]),
    "signature stripped": edited(lambda parts: [*parts[:2], ""]),
    "signature left out": edited(lambda parts: parts[:2]),
    "signature changed": edited(lambda parts: [*parts[:2], ("A" if parts[2][0] != "A" else "B") + parts[2][1:]]),
    "signature cut": edited(lambda parts: [*parts[:2], parts[2][:-8]]),
    "signature padded": edited(lambda parts: [*parts[:2], parts[2] + "=="]),
    "payload padded": edited(lambda parts: [parts[0], parts[1] + "=", parts[2]]),
    "blank inside": edited(lambda parts: [parts[0] + " ", *parts[1:]]),
    "newline inside": edited(lambda parts: [parts[0], parts[1] + "\n", parts[2]]),
    "newline at the end": edited(lambda parts: [*parts[:2], parts[2] + "\n"]),
    "standard base64": edited(lambda parts: [*parts[:2], "+/" + parts[2][2:]]),
    "four parts": edited(lambda parts: [*parts, "AA"]),
    "slashes for dots": edited(lambda parts: parts, "/"),
    "a word": lambda program, now: "assertion",
    "dots": lambda program, now: "..",
    "not ASCII": lambda program, now: "é" + program.assertion(now),
    "NUL": lambda program, now: "\x00" + program.assertion(now),
    "payload is a list": payload(b"[]"),
    "payload is a text": payload(b'"iss"'),
    "payload is null": payload(b"null"),
    "payload is empty": payload(b""),
    "payload is no JSON": payload(b"{"),
    "payload is no UTF-8": payload(b'{"iss": "\xff"}'),
    "payload is deep": payload(DEEP),
    "payload is a deep list": payload(DEEP_LIST),
    "payload of 2 MB": changed(extra="x" * 2_000_000),
    "iss twice": twice("iss"),
    "sub twice": twice("sub"),
    "exp twice": twice("exp"),
    **{f"no {name}": changed(**{name: LEFT_OUT}) for name in ("iss", "sub", "aud", "exp")},
    **{f"{name} null": changed(**{name: None}) for name in ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")},
    **{f"{name} a list": changed(**{name: ["x"]}) for name in ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")},
    **{f"{name} an object": changed(**{name: {"a": 1}}) for name in ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")},
    **{f"{name} a bool": changed(**{name: True}) for name in ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")},
    **{f"{name} a text": changed(**{name: "9999999999"}) for name in ("exp", "iat", "nbf")},
    **{
        f"{name} {text}": raw_claim(name, text)
        for name in ("exp", "iat", "nbf")
        for text in ("NaN", "Infinity", "-Infinity", "1e999")
    },
    "NaN in a claim that nobody reads": raw_claim("extra", "NaN"),
    "exp of 5000 digits": raw_claim("exp", "9" * 5000),
    "exp of 400 digits": raw_claim("exp", "9" * 400),
    "exp negative": changed(exp=-1),
    "exp zero": changed(exp=0),
    "expired": at("exp", -11),
    "exp a year ahead": at("exp", 365 * 86400),
    "exp a day and the leeway ahead": at("exp", 86400 + 12),
    "nbf in the future": at("nbf", 12),
    "iat in the future": at("iat", 12),
    "aud of another service": changed(aud="https://other.example/token"),
    "aud is the API": changed(aud=f"{ISSUER}/api/v1.2"),
    "aud with a slash": changed(aud=TOKEN_URL + "/"),
    "aud in capitals": changed(aud=TOKEN_URL.upper()),
    "aud empty": changed(aud=""),
    "aud a list of two": changed(aud=[ISSUER, "https://other.example/"]),
    "aud a list of one": changed(aud=[ISSUER]),
    "sub of another": changed(sub="otherclient00"),
    "iss of another": changed(iss="otherclient00"),
    "unknown client": changed(iss="nobody0000000", sub="nobody0000000"),
    "iss empty": changed(iss="", sub=""),
    "iss long": changed(iss="x" * 5000, sub="x" * 5000),
    "iss with NUL": changed(iss="a\x00", sub="a\x00"),
    "iss a lone surrogate": changed(iss="\ud800", sub="\ud800"),
    "iss SQL-ish": changed(iss="' OR ''='", sub="' OR ''='"),
    "jti empty": changed(jti=""),
    "jti a number": changed(jti=7),
    "jti long": changed(jti="x" * 256),
    "jti with NUL": changed(jti="a\x00"),
    "jti a lone surrogate": changed(jti="\ud800"),
    "an access token's typ": as_access_token,
    "typ of something else": changed({"typ": "JOSE"}),
    "typ a number": header(b'{"alg": "RS256", "typ": 1}'),
}


def test_the_corpus_is_as_large_as_promised():
    assert len(BAD) >= 60


@pytest.mark.parametrize("forge", [pytest.param(forge, id=name) for name, forge in BAD.items()])
async def test_bad_credentials(facility, program, forge):
    assert_refused(await facility.post(forge(program, facility.clock.now())))


@pytest.mark.parametrize(
    "signature", [b"\0" * 64, b"\xff" * 64, b"\0" * 63, b"\0" * 65, b"", b"\0" * 32 + b"\x01" * 32]
)
async def test_ecdsa_signatures_of_nothing(facility, signature):
    """The r = s = 0 of CVE-2022-21449, and signatures of the wrong length."""
    program = Program(TOKEN_URL, algorithm="ES256")
    await facility.register(program)
    head, body, _ = program.assertion(facility.clock.now()).split(".")
    assert_refused(await facility.post(f"{head}.{body}.{segment(signature)}"))


async def test_an_rsa_signature_under_an_ed25519_key(facility):
    program = Program(TOKEN_URL, algorithm="EdDSA")
    await facility.register(program)
    claims = json.dumps(program.claims(facility.clock.now())).encode()
    assert_refused(await facility.post(sign_as_told({"alg": "RS256"}, claims, key_pair("RS256")[0], "RS256")))
    assert_refused(await facility.post(sign_as_told({"alg": "EdDSA"}, claims, key_pair("EdDSA", 3)[0], "EdDSA")))


@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_a_weak_key_in_the_store_proves_nobody(facility):
    weak = jwk.RSAKey.generate_key(1024)
    program = Program(TOKEN_URL)
    await facility.register(program, keys=(ClientKey(dict(weak.as_dict(private=False))),))
    claims = json.dumps(program.claims(facility.clock.now())).encode()
    assertion = sign_as_told({"alg": "RS256"}, claims, dict(weak.as_dict(private=True)), "RS256")
    assert_refused(await facility.post(assertion))


async def test_a_key_bound_to_one_algorithm(facility):
    program = Program(TOKEN_URL)
    await facility.register(program, keys=(ClientKey({**program.public, "alg": "PS256"}),))
    assert_refused(await facility.post(program.assertion(facility.clock.now())))


async def test_one_client_cannot_speak_for_another(facility, program):
    other = Program(TOKEN_URL, number=1)
    await facility.register(other)
    assert_refused(
        await facility.post(program.assertion(facility.clock.now(), iss=other.client_id, sub=other.client_id))
    )
    answer = await facility.post(program.assertion(facility.clock.now()), client_id=other.client_id)
    assert_refused(answer)


async def test_our_own_access_token_is_no_assertion(facility, program):
    assert_refused(await facility.post(await facility.token(program)))


async def test_until_the_signature_is_proven_all_refusals_read_the_same(facility, program):
    now = facility.clock.now()
    revoked = Program(TOKEN_URL, number=1)
    await facility.register(revoked, revoked_at=now)
    forged = [
        by_stranger()(program, now),
        by_stranger()(revoked, now),
        program.assertion(now, iss="nobody0000000", sub="nobody0000000"),
        "nonsense",
    ]
    assert len({(await facility.post(assertion)).text for assertion in forged}) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"revoked": True}, "was revoked"),
        ({"expired": True}, "expired on"),
        ({"ranges": ("192.0.2.0/24",)}, "from the address 127.0.0.1"),
    ],
)
async def test_the_holder_of_the_key_is_told_why(facility, changes, words):
    now = facility.clock.now()
    program = Program(TOKEN_URL)
    record = {"ranges": changes.get("ranges", ("127.0.0.1/32",))}
    if changes.get("revoked"):
        record["revoked_at"] = now
    if changes.get("expired"):
        record["expires_at"] = now - timedelta(seconds=1)
    await facility.register(program, **record)
    answer = await facility.post(program.assertion(now))
    assert_refused(answer)
    assert words in answer.json()["error_description"]


async def test_a_removed_client_is_an_unknown_one(facility, program):
    await facility.clients.remove(program.client_id, actor="test")
    assert_refused(await facility.post(program.assertion(facility.clock.now())))


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": LEFT_OUT}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"client_assertion_type": LEFT_OUT}, 400, "invalid_request"),
        ({"client_assertion": LEFT_OUT}, 400, "invalid_request"),
        ({"client_assertion_type": LEFT_OUT, "client_assertion": LEFT_OUT}, 401, "invalid_client"),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, 401, "invalid_client"),
        ({"client_assertion": ["one", "two"]}, 400, "invalid_request"),
        ({"grant_type": ["client_credentials"] * 2}, 400, "invalid_request"),
        ({"unknown": ["one", "two"]}, 400, "invalid_request"),
        ({"scope": "compute.jobs:write evil"}, 400, "invalid_scope"),
        ({"scope": "openid"}, 400, "invalid_scope"),
        ({f"p{number}": "x" for number in range(100)}, 400, "invalid_request"),
    ],
)
async def test_malformed_requests(facility, program, changes, status, error):
    assert_refused(await facility.post(program.assertion(facility.clock.now()), **changes), status, error)


async def test_a_scope_that_the_client_does_not_have(facility):
    program = Program(TOKEN_URL)
    await facility.register(program, SecurityLevel.GREEN)
    answer = await facility.post(program.assertion(facility.clock.now()), scope="compute.jobs:write")
    assert_refused(answer, 400, "invalid_scope")


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json", 400),
        (b"grant_type=client_credentials", "text/plain", 400),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x", 400),
        (b"grant_type=\xff", "application/x-www-form-urlencoded", 400),
        (b"grant_type=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"&&&===;;;%%%", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 100_000, "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * (4 * 1024 * 1024), "application/x-www-form-urlencoded", 413),
    ],
)
async def test_bodies_that_are_no_form(facility, content, content_type, status):
    async with facility.caller() as http:
        answer = await http.post("/oauth2/token", content=content, headers={"Content-Type": content_type})
    assert_refused(answer, status, "invalid_request")


async def test_the_assertion_in_form_and_query_together(facility, program):
    form = token_form(program.assertion(facility.clock.now()))
    async with facility.caller() as http:
        answer = await http.post("/oauth2/token", data=form, params={"client_assertion": form["client_assertion"]})
    assert_refused(answer, 400, "invalid_request")


async def test_a_password_is_answered_in_its_own_scheme(facility):
    async with facility.caller() as http:
        answer = await http.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=("client", "secret"))
    assert_refused(answer)
    assert answer.headers["www-authenticate"].startswith("Basic ")


@given(st.binary(max_size=300))
def test_reading_any_bytes_is_refused_or_a_token(content):
    text = content.decode("latin-1")
    for candidate in (text, f"{segment(content)}.{segment(content)}.AA", f"eyJhbGciOiJSUzI1NiJ9.{segment(content)}.AA"):
        try:
            read(candidate)
        except NotGenuine:
            continue


async def test_an_assertion_counts_once(facility, program):
    assertion = program.assertion(facility.clock.now())
    assert (await facility.post(assertion)).status_code == 200
    answer = await facility.post(assertion)
    assert_refused(answer)
    assert "used before" in answer.json()["error_description"]


@pytest.mark.parametrize("claims", [{}, {"jti": LEFT_OUT}])
async def test_doubt_about_what_is_written_down_of_an_assertion_is_no_conflict(facility, program, monkeypatch, claims):
    """No token was made: the program comes again, with a new assertion."""
    with monkeypatch.context() as lost:
        for log, method in ((facility.assertions, "use"), (facility.audit_log, "append")):
            lost.setattr(log, method, AsyncMock(side_effect=Doubtful("look before you try again")))
        answer = await facility.post(program.assertion(facility.clock.now(), **claims))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "ask again" in answer.json()["detail"]
    assert (await facility.post(program.assertion(facility.clock.now(), **claims))).status_code == 200


async def test_a_thousand_replays_at_once_give_one_token(facility, program):
    form = {name: [value] for name, value in token_form(program.assertion(facility.clock.now())).items()}
    results = await asyncio.gather(
        *(facility.tokens.issue(form, "127.0.0.1") for _ in range(1000)), return_exceptions=True
    )
    assert sum(isinstance(result, dict) for result in results) == 1


async def test_the_same_jti_of_another_client_is_another(facility, program):
    other = Program(TOKEN_URL, number=1)
    await facility.register(other)
    now = facility.clock.now()
    assert (await facility.post(program.assertion(now, jti="one"))).status_code == 200
    assert (await facility.post(other.assertion(now, jti="one"))).status_code == 200
    assert_refused(await facility.post(program.assertion(now, jti="one")))


async def test_a_refused_assertion_is_not_used_up(facility, program):
    assertion = program.assertion(facility.clock.now())
    assert_refused(await facility.post(assertion, scope="evil"), 400, "invalid_scope")
    assert (await facility.post(assertion)).status_code == 200


async def test_it_is_remembered_for_as_long_as_it_could_be_used(facility, program):
    expires = int(facility.clock.now().timestamp()) + 60
    assertion = program.assertion(facility.clock.now(), exp=expires)
    assert (await facility.post(assertion)).status_code == 200
    facility.clock.advance(timedelta(seconds=69))
    await facility.assertions.forget(facility.clock.now())
    answer = await facility.post(assertion)
    assert "used before" in answer.json()["error_description"]


async def test_without_jti_the_number_is_limited(facility, program):
    now = facility.clock.now()
    answers = [await facility.post(program.assertion(now, jti=LEFT_OUT)) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert answers[-1].headers["retry-after"] == "60"
    rows = await facility.audit_log.entries(action="tokens.issue_without_jti")
    assert [(row.client_id, row.address) for row in rows] == [(program.client_id, "127.0.0.1")] * 60
    assert (await facility.post(program.assertion(now))).status_code == 200
    facility.clock.advance(timedelta(seconds=60))
    assert (await facility.post(program.assertion(facility.clock.now(), jti=LEFT_OUT))).status_code == 200


@pytest.mark.parametrize("profile", [Profile.STRICT])
@pytest.mark.parametrize(
    "changes",
    [
        {"jti": LEFT_OUT},
        {"iat": LEFT_OUT},
        {"aud": TOKEN_URL},
        {"aud": "https://alias.example/token"},
    ],
)
async def test_strict_refuses_what_compat_takes(facility, program, profile, changes):
    answer = await facility.post(program.assertion(facility.clock.now(), **({"aud": ISSUER} | changes)))
    assert_refused(answer)


@pytest.mark.parametrize("profile", [Profile.STRICT])
async def test_strict_takes_a_minute(facility, program, profile):
    now = facility.clock.now()
    assert (await facility.post(program.assertion(now, aud=ISSUER))).status_code == 200
    longer = program.assertion(now, aud=ISSUER, exp=int(now.timestamp()) + 75)
    assert_refused(await facility.post(longer))


@pytest.mark.parametrize("profile", [Profile.STRICT])
async def test_strict_takes_no_query(facility, program, profile):
    form = token_form(program.assertion(facility.clock.now(), aud=ISSUER))
    async with facility.caller() as http:
        assert_refused(await http.post("/oauth2/token", params=form), 400, "invalid_request")


async def test_anybody_can_verify_our_tokens_with_the_published_keys(facility, program):
    token = await facility.token(program)
    answer = await facility.get("/oauth2/jwks")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "max-age" in answer.headers["cache-control"]
    [published] = answer.json()["keys"]
    assert published.keys() == {"kty", "n", "e", "kid", "alg", "use"}
    assert jwt.decode(token, jwk.import_key(published)).claims["sub"] == "demo1"


async def test_the_metadata_says_where_everything_is(facility):
    answer = await facility.get("/.well-known/oauth-authorization-server")
    assert answer.headers["access-control-allow-origin"] == "*"
    body = answer.json()
    assert body["issuer"] == ISSUER
    assert body["token_endpoint"] == TOKEN_URL
    assert body["jwks_uri"] == f"{ISSUER}/oauth2/jwks"
    assert body["token_endpoint_auth_methods_supported"] == ["private_key_jwt", "none"]


async def test_no_secret_reaches_the_log(facility, program, capfd):
    private, _ = generate_key_pair("ES256")
    with structlog.testing.capture_logs() as events:
        good = program.assertion(facility.clock.now())
        token = (await facility.post(good)).json()["access_token"]
        await facility.post(good)
        bad = by_stranger()(program, facility.clock.now())
        await facility.post(bad)
        without = program.assertion(facility.clock.now(), jti=LEFT_OUT)
        async with facility.caller() as http:
            await http.post("/oauth2/token", params=token_form(without))
        await facility.post(private_pem(private))
        await facility.get("/needs/compute.jobs:write", token + "x")
    assert {"assertion replayed", "assertion refused", "assertion without jti"} <= {event["event"] for event in events}
    written = repr(events) + capfd.readouterr().err
    for secret in (good, token, bad, without, "PRIVATE KEY", private["d"]):
        assert secret not in written
