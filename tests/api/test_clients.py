"""`/account/clients`: who may make, see, change, renew, rotate and revoke which clients, and with how much power."""

from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.errors import NotPermitted
from superfacility.facility.people import Project, ProjectName, Role, UserName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.registration.collaborations import CollaborationAccount
from superfacility.oauth.scopes import Scope
from superfacility.testing.tokens import key_pair

PUBLIC = {name: key_pair(name)[1] for name in ("ES256", "EdDSA", "RS256")}
PRIVATE = key_pair("ES256")[0]
FORM = {"name": "camera", "level": "red", "ranges": ["mine", "192.0.2.0/28"], "public_key": PUBLIC["ES256"]}
ME, OTHER, STAFF = "red:demo1:login", "red:demo2:login", "red:staff1:login"
CLIENTS = "/account/clients"


async def create(site, token=ME, **changes):
    answer = await site.call("POST", CLIENTS, token, json=FORM | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def collaborate(site, user="demo2", project=None, managers=("demo1",)):
    account = CollaborationAccount(UserName(user), project, tuple(map(UserName, managers)))
    await site.services.collaborations.store.save(account, site.audit())


# what is made


async def test_a_person_makes_sees_and_revokes_a_client(site):
    made = await create(site, comments="for the detector", days=1)
    assert (made["user"], made["level"], made["state"], made["made_by"]) == ("demo1", "red", "active", None)
    assert made["ranges"] == ["127.0.0.1/32", "192.0.2.0/28"]
    assert Scope.JOBS_WRITE in made["scopes"]
    path = f"{CLIENTS}/{made['id']}"
    assert (await site.get(path, "green:demo1")).json() == made
    assert (await site.get(f"{CLIENTS}/details", "green:demo1")).json() == [made]
    (listed,) = (await site.get(CLIENTS, "green:demo1")).json()
    assert listed.keys() == {"name", "clientId", "expiresAt", "comments"}
    assert (await site.get("/account", f"client:{made['id']}")).json()["name"] == "demo1"
    assert (await site.call("DELETE", path, ME)).json()["state"] == "revoked"
    assert (await site.call("DELETE", path, ME)).json()["state"] == "revoked"
    assert (await site.get("/account", f"client:{made['id']}")).status_code == 403
    assert (await site.get(CLIENTS, "green:demo1")).json() == []
    rows = [(row.action, row.actor, row.target) for row in site.memory.audit if row.action.startswith("clients.")]
    assert rows == [("clients.create", "demo1", made["id"]), ("clients.revoke", "demo1", made["id"])]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": "purple"}, "level"),
        ({"ranges": []}, "at least one source range"),
        ({"ranges": ["0.0.0.0/0"]}, "too wide"),
        ({"ranges": ["::/0"]}, "too wide"),
        ({"ranges": ["10.0.0.0/8"]}, "too wide"),
        ({"ranges": ["192.0.0.0/20"]}, "asked of staff"),
        ({"ranges": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}, "2 source ranges"),
        ({"ranges": ["somewhere"]}, "no source range"),
        ({"days": 3}, "asked of staff"),
        ({"days": 31}, "up to 2 days"),
        ({"days": 0}, "greater than 0"),
        ({"scopes": ["everything"]}, "no scope"),
        ({"scopes": []}, "at least one scope"),
        ({"level": "green", "scopes": ["compute.jobs:write"]}, "does not grant"),
        ({"public_key": PRIVATE}, "private key"),
        ({"public_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}, "private key"),
        ({"public_key": "words"}, "public key"),
        ({"public_key": {"kty": "oct", "k": "AAAA"}}, "private key"),
        ({"public_key": None}, "public_key"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "safe\u202eevil"}, "name"),
        ({"comments": "x" * 2001}, "comment"),
        ({"user": "demo2"}, None),
        ({"made_by": "abcdefghijk01"}, "Unknown field"),
        ({"id": "abcdefghijk01"}, "Unknown field"),
        ({"keys": []}, "Unknown field"),
        ({"expires_at": "2099-01-01"}, "Unknown field"),
    ],
)
async def test_what_is_wrong_or_goes_too_far_is_refused(site, changes, words):
    answer = await site.call("POST", CLIENTS, ME, json=FORM | changes)
    assert answer.status_code == (404 if words is None else 422), answer.text
    assert words is None or words in str(answer.json()["detail"])
    assert site.memory.clients == {}


async def test_the_words_of_a_refusal_name_staff_only_where_they_could_help(site):
    assert "staff" not in await site.refusal("POST", CLIENTS, ME, 422, **FORM | {"days": 400})
    assert "staff" in await site.refusal("POST", CLIENTS, ME, 422, **FORM | {"days": 30})


@pytest.mark.parametrize("level", ["green", "yellow", "orange"])
async def test_making_clients_needs_a_red_token(site, level):
    for method, path in (("POST", CLIENTS), ("PATCH", f"{CLIENTS}/x"), ("DELETE", f"{CLIENTS}/x")):
        assert "red" in await site.refusal(method, path, f"{level}:demo1:login", 403, **FORM)


async def test_a_key_may_be_pem(site):
    from joserfc import jwk

    pem = jwk.import_key(dict(PUBLIC["RS256"])).as_pem(private=False).decode()
    made = await create(site, public_key=pem)
    assert made["keys"][0]["type"] == "RSA"


async def test_the_trade_of_levels_is_data(site):
    levels = (await site.get(f"{CLIENTS}/levels", "green:demo1")).json()
    assert [each["level"] for each in levels] == ["green", "yellow", "orange", "red"]
    assert [each["without_review"]["days"] for each in levels] == [60, 60, 30, 2]
    assert [each["without_review"]["ranges"] for each in levels] == [16, 8, 8, 2]
    assert levels[3]["with_review"] == {"days": 30, "ranges": 32, "ipv4_prefix": 16, "ipv6_prefix": 48}
    assert {"scope": "account.clients:write", "meaning": "create, change, renew and revoke clients"} in levels[3][
        "scopes"
    ]


async def test_networks_have_names_and_count_as_one(site):
    own = site.services.own_clients
    networks = {"login-nodes": ("198.51.0.0/18", "2001:db8::/40")}
    from superfacility.services.clients.rules import own_bounds

    object.__setattr__(own, "rules", replace(own.rules, networks=networks, own=own_bounds(None, networks)))
    told = (await site.get(f"{CLIENTS}/addresses", "green:demo1")).json()
    assert told == {
        "address": "127.0.0.1",
        "presets": [{"name": "login-nodes", "ranges": ["198.51.0.0/18", "2001:db8::/40"]}],
    }
    made = await create(site, ranges=["login-nodes", "mine"])
    assert made["ranges"] == ["198.51.0.0/18", "2001:db8::/40", "127.0.0.1/32"]
    assert (await site.call("POST", f"{CLIENTS}/{made['id']}/renew", ME, json={})).status_code == 200


async def test_there_is_a_limit_of_clients_for_each_user(site):
    own = site.services.own_clients
    object.__setattr__(own, "rules", replace(own.rules, per_user=2))
    first = await create(site)
    await create(site)
    assert "demo1 has 2 clients" in await site.refusal("POST", CLIENTS, ME, 409, **FORM)
    await create(site, OTHER)
    await site.call("DELETE", f"{CLIENTS}/{first['id']}", ME)
    third = await create(site)
    site.clock.advance(timedelta(days=3))
    await create(site)
    await create(site)
    assert "2 clients" in await site.refusal("POST", f"{CLIENTS}/{third['id']}/renew", ME, 409)


async def test_its_user_hears_of_it(site, mailbox):
    made = await create(site)
    await site.services.notices.settle()
    ((recipient, subject, text),) = mailbox.mails
    assert recipient == "demo1@example.org"
    assert "camera" in subject
    assert f"sfapi clients revoke {made['id']}" in text


# what becomes of it


async def test_a_client_is_changed(site):
    made = await create(site)
    path = f"{CLIENTS}/{made['id']}"
    changed = (await site.call("PATCH", path, ME, json={"name": "lens", "scopes": ["tasks.task:read"]})).json()
    assert changed == made | {"name": "lens", "scopes": ["tasks.task:read"]}
    wider = await site.call("PATCH", path, ME, json={"ranges": ["198.51.100.0/24"]})
    assert wider.json()["ranges"] == ["198.51.100.0/24"]
    for field in ("level", "user", "project", "globus", "made_by", "expires_at", "keys", "revoked_at", "id"):
        assert "Unknown field" in await site.refusal("PATCH", path, ME, 422, **{field: "x"})
    assert "too wide" in await site.refusal("PATCH", path, ME, 422, ranges=["10.0.0.0/9"])
    await site.call("DELETE", path, ME)
    assert "revoked" in await site.refusal("PATCH", path, ME, 409, name="other")
    assert "revoked" in await site.refusal("POST", f"{path}/renew", ME, 409)
    assert "revoked" in await site.refusal("POST", f"{path}/key", ME, 409, public_key=PUBLIC["EdDSA"])


async def test_a_client_is_renewed_from_now(site):
    made = await create(site, days=1)
    site.clock.advance(timedelta(hours=12))
    path = f"{CLIENTS}/{made['id']}/renew"
    renewed = (await site.call("POST", path, ME, json={})).json()
    assert site.memory.clients[made["id"]].expires_at == site.clock.now() + timedelta(days=2)
    assert renewed["renewed_at"] is not None
    assert "2 days" in await site.refusal("POST", path, ME, 422, days=2.5)
    assert "longer" in await site.refusal("POST", path, ME, 409, days=1)
    site.clock.advance(timedelta(days=5))
    assert (await site.call("POST", path, ME, json={"days": 1})).json()["state"] == "active"


async def test_what_staff_gave_is_not_renewed_without_them(site):
    made = await create(site)
    client = site.memory.clients[made["id"]]
    site.memory.clients[made["id"]] = replace(client, ranges=("10.0.0.0/16",))
    path = f"{CLIENTS}/{made['id']}"
    assert "Staff" in await site.refusal("POST", f"{path}/renew", ME, 403)
    assert "too wide" in await site.refusal("PATCH", path, ME, 422, ranges=["10.1.0.0/16"])
    assert (await site.call("PATCH", path, ME, json={"ranges": ["10.0.0.0/20"]})).status_code == 200
    assert (await site.call("PATCH", path, ME, json={"ranges": ["10.0.0.0/24"]})).status_code == 200
    assert (await site.call("POST", f"{path}/renew", ME, json={})).status_code == 200


@pytest.mark.parametrize("hours", [0, 24])
async def test_a_key_is_replaced(site, hours):
    made = await create(site)
    path = f"{CLIENTS}/{made['id']}/key"
    body = {"public_key": PUBLIC["EdDSA"], "overlap_hours": hours}
    changed = (await site.call("POST", path, ME, json=body)).json()
    assert [each["type"] for each in changed["keys"]] == (["OKP", "EC"] if hours else ["OKP"])
    kept = site.memory.clients[made["id"]]
    assert len(kept.keys_at(site.clock.now())) == (2 if hours else 1)
    assert [key.jwk for key in kept.keys_at(site.clock.now() + timedelta(hours=25))] == [PUBLIC["EdDSA"]]
    assert "has or has had" in await site.refusal("POST", path, ME, 422, public_key=PUBLIC["EdDSA"])
    assert "private" in await site.refusal("POST", path, ME, 422, public_key=PRIVATE)
    await site.refusal("POST", path, ME, 422, public_key=PUBLIC["RS256"], overlap_hours=169)


# whose it is


async def test_others_clients_are_unknown(site):
    made = await create(site)
    path = f"{CLIENTS}/{made['id']}"
    assert (await site.get(path, "green:demo2")).status_code == 404
    assert (await site.get(f"{CLIENTS}/details", "green:demo2", params={"user": "demo1"})).status_code == 404
    assert (await site.get(f"{CLIENTS}/details", "green:demo2")).json() == []
    body = {"public_key": PUBLIC["EdDSA"]}
    for method, where, sent in (("PATCH", path, {}), ("POST", f"{path}/renew", {}), ("POST", f"{path}/key", body)):
        await site.refusal(method, where, OTHER, 404, **sent)
        await site.refusal(method, f"{CLIENTS}/nothing000000{where.removeprefix(path)}", OTHER, 404, **sent)
    await site.refusal("DELETE", path, OTHER, 404)
    assert (await site.get(path, "green:demo1")).json() == made


async def test_staff_see_and_revoke_but_never_take_over(site):
    made = await create(site)
    path = f"{CLIENTS}/{made['id']}"
    assert (await site.get(path, "green:staff1")).json() == made
    for method, where, sent in (
        ("PATCH", path, {"ranges": ["mine"]}),
        ("POST", f"{path}/renew", {}),
        ("POST", f"{path}/key", {"public_key": PUBLIC["EdDSA"]}),
    ):
        assert "not change it" in await site.refusal(method, where, STAFF, 403, **sent)
    assert "for people" in await site.refusal("DELETE", path, "red:staff1", 403)
    assert (await site.call("DELETE", path, STAFF)).json()["state"] == "revoked"


async def test_who_manages_an_account_makes_its_clients(site):
    await collaborate(site)
    assert (await site.get("/account/collaborations", "green:demo1")).json() == [
        {"user": "demo2", "project": None, "managers": ["demo1"]}
    ]
    assert (await site.get("/account/collaborations", "green:demo2")).json() == []
    made = await create(site, user="demo2")
    assert made["user"] == "demo2"
    assert (await site.get(f"{CLIENTS}/details", "green:demo1", params={"user": "demo2"})).json() == [made]
    assert (await site.call("DELETE", f"{CLIENTS}/{made['id']}", ME)).json()["state"] == "revoked"


async def test_the_holder_of_a_client_is_who_has_its_key(site):
    await collaborate(site, managers=("demo1", "staff1"))
    made = await create(site, user="demo2")
    path = f"{CLIENTS}/{made['id']}"
    assert (made["holder"], (await create(site))["holder"]) == ("demo1", None)
    token = f"client:{made['id']}"
    child = await create(site, token, public_key=PUBLIC["EdDSA"])
    assert (child["user"], child["holder"]) == ("demo2", "demo1")
    fresh = {"public_key": PUBLIC["RS256"]}
    itself = await site.call("POST", f"{path}/key", token, json=fresh)
    assert itself.json()["holder"] == "demo1", "a program's key stays with who has it"
    fresh = {"public_key": key_pair("PS256")[1]}
    overlap = fresh | {"overlap_hours": 1}
    assert "no old key" in await site.refusal("POST", f"{path}/key", STAFF, 422, **overlap)
    assert (await site.call("POST", f"{path}/key", STAFF, json=fresh)).json()["holder"] == "staff1"
    child_key = f"{CLIENTS}/{child['id']}/key"
    ours = {"public_key": key_pair("RS256")[1]}
    assert (await site.call("POST", child_key, token, json=ours)).json()["holder"] == "staff1", "as its maker's"
    fresh = {"public_key": PUBLIC["EdDSA"]}
    assert (await site.call("POST", f"{path}/key", OTHER, json=fresh)).json()["holder"] is None


async def test_who_manages_a_project_manages_its_account(site):
    await collaborate(site, user="staff1", project=ProjectName("m0001"), managers=())
    await site.people.set_membership(ProjectName("m0001"), UserName("demo2"), Role.USER, site.audit())
    assert (await create(site, user="staff1"))["user"] == "staff1"
    await site.refusal("POST", CLIENTS, OTHER, 404, **FORM | {"user": "staff1"})
    await site.people.set_membership(ProjectName("m0001"), UserName("demo1"), None, site.audit())
    await site.refusal("POST", CLIENTS, ME, 404, **FORM | {"user": "staff1"})


# how far power goes on


async def program(site, **changes):
    made = await create(site, ranges=["127.0.0.1", "192.0.2.0/28"], **changes)
    return made, f"client:{made['id']}"


async def test_a_program_makes_clients_that_end_with_it(site):
    maker, token = await program(site, days=1)
    site.clock.advance(timedelta(hours=2))
    made = await create(site, token, public_key=PUBLIC["EdDSA"])
    assert (made["made_by"], made["expires_at"]) == (maker["id"], maker["expires_at"])
    third = await create(site, f"client:{made['id']}", public_key=PUBLIC["RS256"], ranges=["192.0.2.4/32", "mine"])
    await site.call("DELETE", f"{CLIENTS}/{maker['id']}", ME)
    states = [(await site.get(f"{CLIENTS}/{each['id']}", "green:demo1")).json()["state"] for each in (made, third)]
    assert states == ["revoked", "revoked"]


@pytest.mark.parametrize(
    ("of_maker", "wish", "words"),
    [
        ({"days": 1}, {"days": 1.5}, "live longer"),
        ({}, {"ranges": ["192.0.2.0/24"]}, "other addresses"),
        ({}, {"ranges": ["mine", "198.51.100.1"]}, "other addresses"),
        ({"scopes": ["account.clients:write"]}, {}, "have the scopes"),
        ({"scopes": ["account.clients:write"]}, {"level": "green", "scopes": ["tasks.task:read"]}, "have the scopes"),
        ({}, {"globus": True}, "named endpoints"),
        ({}, {"user": "demo2"}, "another user"),
    ],
)
async def test_a_program_gives_no_more_than_it_has(site, of_maker, wish, words):
    await collaborate(site)
    _, token = await program(site, **of_maker)
    assert words in await site.refusal("POST", CLIENTS, token, 403, **FORM | wish)
    assert len(site.memory.clients) == 1


async def test_as_long_as_its_maker_is_no_moment_longer_however_long_it_takes(site):
    maker, token = await program(site, days=1)
    own, clock = site.services.own_clients, site.clock

    class Ticking:
        def now(self):
            clock.advance(timedelta(milliseconds=1))
            return clock.now()

    object.__setattr__(own, "clock", Ticking())
    assert (await create(site, token))["expires_at"] == maker["expires_at"]


async def test_a_stolen_key_cannot_live_on(site):
    maker, token = await program(site, days=1)
    site.clock.advance(timedelta(hours=12))
    path = f"{CLIENTS}/{maker['id']}"
    assert "live longer" in await site.refusal("POST", f"{path}/renew", token, 403)
    assert "live longer" in await site.refusal("POST", f"{path}/renew", token, 403, days=2)
    made = await create(site, token)
    child = f"client:{made['id']}"
    for who in (token, child):
        assert "live longer" in await site.refusal("POST", f"{CLIENTS}/{made['id']}/renew", who, 403)
    assert "ends with" in await site.refusal("POST", f"{CLIENTS}/{made['id']}/renew", ME, 409)
    assert "itself and the clients" in await site.refusal("POST", f"{path}/renew", child, 403)
    site.clock.advance(timedelta(hours=13))
    assert (await site.get("/account", token)).status_code == 403
    assert (await site.get("/account", child)).status_code == 403


async def test_a_person_makes_strict_and_bound_clients(site):
    made = await create(site, strict=True, dpop=True)
    assert (made["strict"], made["dpop"]) == (True, True)
    kept = site.memory.clients[made["id"]]
    assert (kept.strict, kept.dpop) == (True, True)
    plain = await create(site)
    assert (plain["strict"], plain["dpop"]) == (False, False)
    weak = {**PUBLIC["RS256"], "alg": "RS256"}
    assert "strict" in await site.refusal("POST", CLIENTS, ME, 422, **FORM | {"strict": True, "public_key": weak})
    path = f"{CLIENTS}/{made['id']}"
    for field in ("strict", "dpop"):  # what was asked for so would be worth nothing if its owner could change it
        assert "Unknown field" in await site.refusal("PATCH", path, ME, 422, **{field: False})


@pytest.mark.parametrize("field", ["strict", "dpop"])
async def test_a_strict_or_bound_program_makes_no_client_that_is_less_so(site, field):
    maker, token = await program(site, **{field: True})
    assert (await create(site, token))[field] is True
    assert (await create(site, token, **{field: None}))[field] is True
    assert "less strictly" in await site.refusal("POST", CLIENTS, token, 403, **FORM | {field: False})
    assert [each.made_by for each in site.memory.clients.values()].count(maker["id"]) == 2


async def test_a_plain_program_makes_clients_that_are_stricter_than_itself(site):
    _, token = await program(site)
    made = await create(site, token, strict=True, dpop=True)
    assert (made["strict"], made["dpop"]) == (True, True)
    child = f"client:{made['id']}"
    assert "less strictly" in await site.refusal("POST", CLIENTS, child, 403, **FORM | {"dpop": False})


async def test_what_a_strict_program_makes_is_as_strict(site):
    maker, token = await program(site)
    site.memory.clients[maker["id"]] = replace(site.memory.clients[maker["id"]], strict=True, dpop=True)
    made = site.memory.clients[(await create(site, token, public_key=PUBLIC["EdDSA"]))["id"]]
    assert (made.strict, made.dpop) == (True, True)
    weak = {**PUBLIC["RS256"], "alg": "RS256"}
    assert "strict" in await site.refusal("POST", CLIENTS, token, 422, **FORM | {"public_key": weak})
    path = f"{CLIENTS}/{maker['id']}/key"
    assert "strict" in await site.refusal("POST", path, token, 422, public_key=weak)


async def test_a_program_touches_no_client_that_it_has_not_made(site):
    _, token = await program(site)
    other = await create(site)
    path = f"{CLIENTS}/{other['id']}"
    for method, where, sent in (
        ("PATCH", path, {"ranges": ["mine"]}),
        ("POST", f"{path}/renew", {}),
        ("POST", f"{path}/key", {"public_key": PUBLIC["EdDSA"]}),
        ("DELETE", path, {}),
    ):
        assert "itself and the clients" in await site.refusal(method, where, token, 403, **sent)


async def test_a_program_may_give_itself_less_and_another_key(site):
    maker, token = await program(site)
    path = f"{CLIENTS}/{maker['id']}"
    assert "other addresses" in await site.refusal("PATCH", path, token, 403, ranges=["mine", "198.51.100.1"])
    narrowed = await site.call("PATCH", path, token, json={"ranges": ["mine"], "scopes": ["account.clients:write"]})
    assert narrowed.json()["ranges"] == ["127.0.0.1/32"]
    assert "have the scopes" in await site.refusal("PATCH", path, token, 403, scopes=["compute.jobs:write"])
    assert (await site.call("POST", f"{path}/key", token, json={"public_key": PUBLIC["EdDSA"]})).status_code == 200
    assert (await site.call("DELETE", path, token)).json()["state"] == "revoked"


async def test_a_token_of_few_scopes_gives_no_key_to_what_has_more(site):
    """Else whoever is lent such a token puts in a key of their own, and has all that the client has."""
    maker, token = await program(site)
    child = await create(site, token)
    lent = replace(
        await site.app.state.services.tokens.authenticate(token, "127.0.0.1"), scopes=frozenset({Scope.CLIENTS_WRITE})
    )
    for client_id in (maker["id"], child["id"]):
        with pytest.raises(NotPermitted, match="have the scopes"):
            await site.services.own_clients.rotate(lent, client_id, PUBLIC["RS256"])
    assert {len(each.keys) for each in site.memory.clients.values()} == {1}


async def test_a_change_that_began_before_does_not_bring_an_old_key_back(site):
    made = await create(site)
    path, get = f"{CLIENTS}/{made['id']}", site.clients.client

    async def slowly(client_id):
        """Its key is replaced between the reading and the saving of the change."""
        found = await get(client_id)
        site.clients.client = get
        await site.call("POST", f"{path}/key", ME, json={"public_key": PUBLIC["EdDSA"]})
        return found

    site.clients.client = slowly
    assert "changed meanwhile" in await site.refusal("PATCH", path, ME, 409, name="late")
    assert [key.jwk for key in site.memory.clients[made["id"]].keys] == [PUBLIC["EdDSA"]]


async def test_what_is_made_while_its_maker_loses_something_is_not_kept(site):
    """From either side: the maker is as it was read, or what it has made meanwhile is looked at once more."""
    maker, token = await program(site)
    path, client, listed = f"{CLIENTS}/{maker['id']}", site.clients.client, site.clients.clients

    async def slowly(client_id):
        found = await client(client_id)
        site.clients.client = client
        await site.call("PATCH", path, ME, json={"ranges": ["mine"]})
        return found

    site.clients.client = slowly
    assert (await site.call("POST", CLIENTS, token, json=FORM)).status_code == 409
    await site.call("PATCH", path, ME, json={"ranges": ["mine", "192.0.2.0/28"]})

    async def late(**which):
        found = await listed(**which)
        site.clients.clients = listed
        await create(site, token)
        return found

    site.clients.clients = late
    assert (await site.call("PATCH", path, ME, json={"ranges": ["mine"]})).status_code == 200
    assert [each.revoked_at is None for each in site.memory.clients.values()] == [True, False]


async def test_what_a_client_has_made_is_revoked_when_it_can_do_less(site):
    maker, token = await program(site)
    wide, narrow = await create(site, token), await create(site, token, ranges=["mine"])
    await site.call("PATCH", f"{CLIENTS}/{maker['id']}", ME, json={"ranges": ["mine"]})
    states = [(await site.get(f"{CLIENTS}/{each['id']}", "green:demo1")).json()["state"] for each in (wide, narrow)]
    assert states == ["revoked", "active"]
    assert "gets no more" in await site.refusal(
        "PATCH",
        f"{CLIENTS}/{(await create(site, token, scopes=['tasks.task:read'], ranges=['mine']))['id']}",
        ME,
        409,
        scopes=["compute.jobs:write"],
    )


async def test_applications_of_others_make_no_clients(site):
    token = "red:demo1:login:gateway000001"
    made = await create(site)
    assert "Applications may not" in await site.refusal("POST", CLIENTS, token, 403, **FORM)
    assert (await site.get(f"{CLIENTS}/{made['id']}", "red:staff1:login:gateway000001")).status_code == 404
    for method, where in (("PATCH", ""), ("POST", "/renew"), ("DELETE", "")):
        assert "Applications may not" in await site.refusal(method, f"{CLIENTS}/{made['id']}{where}", token, 403)
    staff = "red:staff1:login:gateway000001"
    await site.refusal("DELETE", f"{CLIENTS}/{made['id']}", staff, 404)


# projects


async def test_a_client_is_bound_to_a_project_and_makes_none_that_is_not(site):
    second = Project(2, ProjectName("m0002"), "Another")
    await site.people.save_project(second, site.audit(), new=True)
    await site.people.set_membership(second.name, UserName("demo1"), Role.USER, site.audit())
    await site.refusal("POST", CLIENTS, ME, 404, **FORM | {"project": "m0003"})
    maker, token = await program(site, project="m0001")
    free = await create(site)
    assert maker["project"] == "m0001"
    assert (await create(site, token))["project"] == "m0001"
    assert "leave the project" in await site.refusal("POST", CLIENTS, token, 403, **FORM | {"project": "m0002"})
    assert (await site.get(f"{CLIENTS}/{free['id']}", token)).status_code == 404
    seen = (await site.get(f"{CLIENTS}/details", token)).json()
    assert {each["project"] for each in seen} == {"m0001"}


async def test_a_maker_that_is_revoked_meanwhile_makes_nothing(site):
    """The store asks again in the transaction that adds the client."""
    maker, token = await program(site)
    revoked = site.clock.now()
    get = site.clients.client

    async def slowly(client_id: ClientId):
        found = await get(client_id)
        if found is not None and found.revoked_at is None:
            await site.clients.revoke(client_id, revoked, site.audit())
        return found

    site.clients.client = slowly
    assert "revoked" in await site.refusal("POST", CLIENTS, token, 409, **FORM)
    assert list(site.memory.clients) == [maker["id"]]
