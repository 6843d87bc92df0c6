"""Keys of clients and of ourselves: goal S14's share of them."""

import stat

import pytest
from joserfc import jwk

from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.oauth.client_keys import public_jwk
from superfacility.oauth.keys import SigningKeys, generate_key_pair, private_pem
from superfacility.testing.tokens import key_pair

RSA = key_pair("RS256")[1]
EC = key_pair("ES256")[1]
OKP = key_pair("EdDSA")[1]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
def test_a_new_pair_has_a_public_half_that_we_register(algorithm):
    private, public = generate_key_pair(algorithm)
    assert private["d"]
    assert "d" not in public
    assert public_jwk(public) == public


def test_a_pair_for_no_algorithm():
    with pytest.raises(InvalidInput, match="RS256"):
        generate_key_pair("HS256")


def test_pem_holds_the_same_key():
    private, public = key_pair("RS256")
    again = jwk.RSAKey.import_key(private_pem(private))
    assert again.as_dict(private=False) == public


def test_what_is_kept_of_a_key():
    given = {**RSA, "use": "sig", "key_ops": ["verify"], "kid": "one", "alg": "RS256", "owner": "me"}
    assert public_jwk(given) == {**RSA, "kid": "one", "alg": "RS256"}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_private_key_is_refused_without_repeating_it(algorithm):
    private, _ = key_pair(algorithm)
    with pytest.raises(InvalidInput, match="private key") as refused:
        public_jwk(private)
    assert private["d"] not in str(refused.value)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "oct"},
        {"kty": "unknown"},
        {"kty": ["RSA"]},
        {**RSA, "use": "enc"},
        {**RSA, "alg": "ES256"},
        {**RSA, "alg": "RS512"},
        {**RSA, "alg": "HS256"},
        {**RSA, "kid": 7},
        {**RSA, "n": 7},
        {**RSA, "n": ""},
        {**RSA, "n": "!!"},
        {**RSA, "n": RSA["n"][:100]},
        {**RSA, "n": "_" * 4000},
        {**RSA, "e": "Aw"},
        {**RSA, "e": "AQAA"},
        {**RSA, "e": "_" * 40},
        {"kty": "RSA", "n": RSA["n"]},
        {**EC, "crv": "P-384"},
        {**EC, "crv": "secp256k1"},
        {**EC, "x": EC["y"], "y": EC["x"]},
        {**EC, "x": "AA"},
        {"kty": "EC", "crv": "P-256", "x": EC["x"]},
        {**OKP, "crv": "X25519"},
        {**OKP, "crv": "Ed448"},
        {**OKP, "x": "AA"},
    ],
)
def test_keys_that_nobody_may_register(bad):
    with pytest.raises(InvalidInput):
        public_jwk(bad)


def test_a_1024_bit_key():
    with pytest.warns(UserWarning, match="2048"):
        weak = jwk.RSAKey.generate_key(1024)
    with pytest.raises(InvalidInput, match="1024"):
        public_jwk(dict(weak.as_dict(private=False)))


def test_signing_keys_are_for_us_alone(tmp_path):
    folder = tmp_path / "new" / "keys"
    SigningKeys.create(folder, "ES256")
    [path] = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(InvalidInput, match="chmod 600"):
        SigningKeys.load(folder)


def test_without_a_key_nothing_starts(tmp_path):
    with pytest.raises(NotFound, match=r"make one: \(umask 077; openssl genpkey"):
        SigningKeys.load(tmp_path)


def test_a_file_that_is_no_key(tmp_path):
    SigningKeys.create(tmp_path, "ES256")
    broken = tmp_path / "signing-0002.pem"
    broken.touch(mode=0o600)
    broken.write_text("nonsense")
    with pytest.raises(InvalidInput, match="signing-0002"):
        SigningKeys.load(tmp_path)


def test_a_public_key_cannot_sign(tmp_path):
    SigningKeys.create(tmp_path, "ES256")
    path = tmp_path / "signing-0002.pem"
    path.touch(mode=0o600)
    path.write_bytes(jwk.ECKey.import_key(EC).as_pem())
    with pytest.raises(InvalidInput, match="no private key"):
        SigningKeys.load(tmp_path)


def test_the_newest_key_signs_and_all_verify(tmp_path):
    old = SigningKeys.create(tmp_path, "ES256")
    token = old.sign(b'{"sub": "demo1"}')
    new = SigningKeys.create(tmp_path, "EdDSA")
    assert new.verified(token).claims == {"sub": "demo1"}
    assert old.jwks()["keys"][0] in new.jwks()["keys"]
    assert new.jwks()["keys"][0]["kty"] == "OKP"
    assert not any("d" in key for key in new.jwks()["keys"])
