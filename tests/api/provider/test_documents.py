"""What is published, and keys that change meanwhile."""

import pytest
from joserfc import jwk, jwt

from superfacility.oauth.keys import SigningKeys

from .conftest import API, ISSUER


async def fetch(house, path):
    async with house.http() as http:
        return await http.get(path)


async def test_every_address_that_is_published_answers(house):
    found = (await fetch(house, "/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    assert found["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    addresses = {name: url for name, url in found.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(addresses) == 9
    async with house.http() as http:
        for name, url in addresses.items():
            path = url.removeprefix(ISSUER)
            statuses = {(await http.get(path)).status_code, (await http.post(path)).status_code}
            assert statuses - {404, 405}, name


async def test_programs_find_the_way_from_a_refusal(house):
    async with house.http() as http:
        answer = await http.get("/needs/account.info:read")
    where = f"{ISSUER}/.well-known/oauth-protected-resource/api/v1.2"
    assert f'resource_metadata="{where}"' in answer.headers["www-authenticate"]
    found = (await fetch(house, where.removeprefix(ISSUER))).json()
    assert (found["resource"], found["authorization_servers"]) == (API, [ISSUER])


@pytest.mark.parametrize("path", ["/api", "/api/v1.2/x", "/../api/v1.2", "//evil.example"])
async def test_there_is_one_resource(house, path):
    assert (await fetch(house, f"/.well-known/oauth-protected-resource{path}")).status_code == 404


async def test_a_key_can_be_replaced_while_tokens_are_out(house, gateway, tmp_path, monkeypatch):
    first = SigningKeys.create(tmp_path / "keys", "ES256")
    both = SigningKeys.create(tmp_path / "keys", "RS256")

    def use(keys: SigningKeys) -> None:
        monkeypatch.setattr(house.tokens, "_keys", keys)
        for holder in (house.provider.exchange.issuer, house.provider):
            object.__setattr__(holder, "keys", keys)

    use(first)
    old = await house.tokens_for(gateway)
    use(both)
    new = await house.tokens_for(gateway)
    published = jwk.KeySet.import_key_set((await fetch(house, "/oauth2/jwks")).json())
    for body in (old, new):
        assert (await house.call("account.info:read", body["access_token"])).status_code == 200
        claims = jwt.decode(body["id_token"], published, algorithms=["ES256", "RS256"]).claims
        assert claims["sub"] == "demo1"
    page = await house.get(f"/oauth2/logout?id_token_hint={old['id_token']}")
    assert page.status == 303
