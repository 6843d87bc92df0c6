"""`/account/applications` and `/account/grants`: who may register, change, approve and take back what."""

import asyncio
from datetime import timedelta

import pytest

from superfacility.facility.people import ProjectName, Role, UserName
from superfacility.oauth.applications import Approval, Grant, GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.keys import generate_key_pair
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope, SecurityLevel, scopes_of
from superfacility.services.access.applications import Actor
from superfacility.services.access.provider.known import COMMAND_LINE_ID

FORM = {"name": "Gateway", "level": "yellow", "redirect_uris": ["https://gateway.example/cb"]}
STAFF = "red:staff1:login"


async def register(site, token="red:demo1:login", **changes):
    answer = await site.call("POST", "/account/applications", token, json=FORM | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_an_application_is_registered_changed_and_revoked(site):
    made = await register(site, scopes=["account.info:read"], homepage="https://gateway.example")
    assert (made["owner"], made["approval"], made["revoked_at"]) == ("demo1", "approved", None)
    path = f"/account/applications/{made['id']}"
    assert (await site.get(path, "green:demo1")).json() == made
    assert (await site.get("/account/applications", "green:demo1")).json() == [made]
    changed = await site.call("PATCH", path, "red:demo1:login", json={"redirect_uris": ["https://gateway.example/new"]})
    fingerprint = changed.json()["fingerprint"]
    assert changed.json() == made | {"redirect_uris": ["https://gateway.example/new"], "fingerprint": fingerprint}
    assert fingerprint != made["fingerprint"]
    revoked = await site.call("DELETE", path, "red:demo1:login")
    assert revoked.json()["revoked_at"] is not None
    assert (await site.call("DELETE", path, "red:demo1:login")).json() == revoked.json()
    assert (await site.call("PATCH", path, "red:demo1:login", json={"name": "Other"})).status_code == 409
    actions = [entry.action for entry in site.memory.audit if entry.action.startswith("applications.")]
    assert actions == ["applications.add", "applications.change", "applications.revoke"]


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uris": ["http://gateway.example/cb"]},
        {"redirect_uris": ["https://gateway.example/cb#x"]},
        {"redirect_uris": []},
        {"redirect_uris": [f"https://gateway.example/{n}" for n in range(11)]},
        {"logout_uris": ["javascript:alert(1)"]},
        {"level": "purple"},
        {"scopes": ["compute.jobs:write"]},
        {"scopes": ["nonsense"]},
        {"name": " "},
        {"name": "x" * 61},
        {"name": "safe\u202eevil"},
        {"homepage": "javascript:alert(1)"},
        {"keys": [{"kty": "oct", "k": "AAAA"}]},
        {"keys": [generate_key_pair("ES256")[0]]},
        {"profile": "strict"},
        {"id": "sfapi-cli"},
        {"owner": "staff1"},
        {"approval": "approved"},
        {"resource_server": True},
        {"revoked_at": None, "created_at": "2020-01-01"},
    ],
)
async def test_what_is_wrong_or_not_ones_own_to_say_is_refused(site, changes):
    answer = await site.call("POST", "/account/applications", "red:demo1:login", json=FORM | changes)
    assert answer.status_code == 422
    assert (await site.get("/account/applications", "red:demo1:login")).json() == []


@pytest.mark.parametrize("field", ["id", "owner", "project", "level", "approval", "resource_server", "revoked_at"])
async def test_what_stays_for_life_cannot_be_changed(site, field):
    made = await register(site)
    path = f"/account/applications/{made['id']}"
    answer = await site.call("PATCH", path, "red:demo1:login", json={field: made.get(field) or "x"})
    assert answer.status_code == 422
    assert (await site.get(path, "red:demo1:login")).json() == made


async def test_others_applications_are_unknown(site):
    made = await register(site)
    path = f"/account/applications/{made['id']}"
    assert (await site.get("/account/applications", "red:demo2:login")).json() == []
    assert (await site.get(path, "red:demo2:login")).status_code == 404
    assert (await site.call("PATCH", path, "red:demo2:login", json={"name": "Mine"})).status_code == 404
    assert (await site.call("DELETE", path, "red:demo2:login")).status_code == 404
    assert (await site.call("POST", f"{path}/approval", "red:demo2:login", json={"approve": True})).status_code == 403
    assert (await site.get(path, "red:demo1:login")).json() == made


async def test_who_manages_a_project_manages_its_applications(site):
    made = await register(site, project="m0001")
    path = f"/account/applications/{made['id']}"
    await site.people.set_membership(ProjectName("m0001"), UserName("demo2"), Role.USER, site.audit())
    assert (await site.get(path, "red:demo2:login")).status_code == 404
    await site.people.set_membership(ProjectName("m0001"), UserName("demo2"), Role.PI_PROXY, site.audit())
    assert (await site.get(path, "red:demo2:login")).status_code == 200
    assert (
        await site.call("PATCH", path, "red:demo2:login", json={"homepage": "https://m.example"})
    ).status_code == 200
    await site.people.set_membership(ProjectName("m0001"), UserName("demo2"), None, site.audit())
    stranger = FORM | {"name": "Other", "project": "m0001"}
    assert (await site.call("POST", "/account/applications", "red:demo2:login", json=stranger)).status_code == 403


async def test_nobody_registers_without_end(site):
    for number in range(20):
        made = await register(site, name=f"Gateway {number}")
        await site.call("DELETE", f"/account/applications/{made['id']}", "red:demo1:login")
    answer = await site.call("POST", "/account/applications", "red:demo1:login", json=FORM)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    await register(site, "red:demo2:login")
    site.clock.advance(timedelta(days=1, seconds=1))
    await register(site, name="Another")


async def test_two_applications_cannot_have_one_name(site):
    await register(site)
    for name in ("GATEWAY ", "The sfapi command line", "The  sfapi command\u2003line"):
        answer = await site.call("POST", "/account/applications", "red:demo2:login", json=FORM | {"name": name})
        assert answer.status_code == 409
    other = await register(site, "red:demo2:login", name="Other")
    for name in ("gateway", "the sfapi command line"):
        path = f"/account/applications/{other['id']}"
        assert (await site.call("PATCH", path, "red:demo2:login", json={"name": name})).status_code == 409


async def test_two_at_the_same_time_cannot_have_one_name(site):
    forms = [FORM | {"name": name} for name in ("Twin", "TWIN", "twin")]
    calls = [site.call("POST", "/account/applications", "red:demo1:login", json=form) for form in forms]
    answers = await asyncio.gather(*calls)
    assert sorted(each.status_code for each in answers) == [201, 409, 409]


async def test_above_a_level_staff_decide_and_everybody_is_told(site, mailbox):
    made = await register(site, level="orange")
    await site.services.notices.settle()
    assert made["approval"] == "pending"
    ((recipient, subject, text),) = mailbox.mails
    assert recipient == "staff1@example.org"
    assert "waits for you" in subject
    assert made["id"] in text
    path = f"/account/applications/{made['id']}"
    approval = {"approve": True, "seen": made["fingerprint"]}
    assert (await site.call("POST", f"{path}/approval", "red:demo1:login", json=approval)).status_code == 403
    assert (await site.call("POST", f"{path}/approval", "orange:staff1", json=approval)).status_code == 403
    assert (await site.call("POST", f"{path}/approval", "red:staff1", json=approval)).status_code == 403
    approved = await site.call("POST", f"{path}/approval", STAFF, json=approval)
    assert approved.json()["approval"] == "approved"
    await site.services.notices.settle()
    assert mailbox.mails[-1][0] == "demo1@example.org"
    changed = await site.call("PATCH", path, "red:demo1:login", json={"redirect_uris": ["https://evil.example/cb"]})
    assert changed.json()["approval"] == "pending"
    refused = await site.call("POST", f"{path}/approval", STAFF, json={"approve": False})
    assert refused.json()["approval"] == "refused"
    decided = [(row.action, row.actor, row.target) for row in site.memory.audit if row.actor == "staff1"]
    assert decided == [("applications.approve", "staff1", made["id"]), ("applications.refuse", "staff1", made["id"])]


async def test_what_changed_since_staff_have_looked_is_not_approved(site):
    """A gateway that waits shows a harmless address, and another one in the moment before the word is given."""
    made = await register(site, level="orange")
    path = f"/account/applications/{made['id']}"
    changed = await site.call("PATCH", path, "red:demo1:login", json={"redirect_uris": ["https://evil.example/cb"]})
    for seen in ({"seen": made["fingerprint"]}, {"seen": None}, {}):
        answer = await site.call("POST", f"{path}/approval", STAFF, json={"approve": True} | seen)
        assert (answer.status_code, "look at it" in answer.text) == (409, True)
    assert (await site.get(path, STAFF)).json()["approval"] == "pending"
    looked = {"approve": True, "seen": changed.json()["fingerprint"]}
    assert (await site.call("POST", f"{path}/approval", STAFF, json=looked)).json()["approval"] == "approved"
    assert (await site.get(path, STAFF)).json()["fingerprint"] == looked["seen"]


async def test_staff_change_no_applications_of_others(site):
    """They would approve what they have written themselves."""
    made = await register(site, level="orange", project="m0001")
    path = f"/account/applications/{made['id']}"
    answer = await site.call("PATCH", path, STAFF, json={"homepage": "https://other.example"})
    assert (answer.status_code, "another's" in answer.text) == (403, True)
    await site.people.set_membership(ProjectName("m0001"), UserName("staff1"), Role.PI, site.audit())
    assert (await site.call("PATCH", path, STAFF, json={"homepage": "https://other.example"})).status_code == 200
    found = (await site.get(path, STAFF)).json()
    verdict = {"approve": True, "seen": found["fingerprint"]}
    answer = await site.call("POST", f"{path}/approval", STAFF, json=verdict)
    assert (answer.status_code, "Somebody else" in answer.text) == (403, True)


async def test_nobody_approves_their_own(site, mailbox):
    made = await register(site, "red:staff1:login", level="red")
    path = f"/account/applications/{made['id']}/approval"
    answer = await site.call("POST", path, STAFF, json={"approve": True})
    assert (answer.status_code, "Somebody else" in answer.text) == (403, True)


@pytest.mark.parametrize("through", ["red:demo1:login:gateway000001", "red:demo1"])
async def test_no_program_changes_an_application(site, through):
    """What it had changed (another redirect URI, another key) would go on after its login, or its key, has ended."""
    made = await register(site)
    path = f"/account/applications/{made['id']}"
    new = FORM | {"name": "Another"}
    assert (await site.call("POST", "/account/applications", through, json=new)).status_code == 403
    evil = {"redirect_uris": ["https://evil.example/cb"]}
    assert (await site.call("PATCH", path, through, json=evil)).status_code == 403
    assert (await site.call("DELETE", path, through)).status_code == 403
    assert (await site.get("/account/applications", "red:demo1:login")).json() == [made]


async def test_staff_see_the_applications_of_others_through_no_application(site):
    made = await register(site)
    assert (await site.get("/account/applications", STAFF)).json() == [made]
    assert (await site.get("/account/applications", f"{STAFF}:gateway000001")).json() == []
    assert (await site.get(f"/account/applications/{made['id']}", f"{STAFF}:gateway000001")).status_code == 404


async def test_its_owner_hears_of_a_change(site, mailbox):
    made = await register(site, project="m0001")
    await site.people.set_membership(ProjectName("m0001"), UserName("demo2"), Role.PI_PROXY, site.audit())
    path = f"/account/applications/{made['id']}"
    await site.call("PATCH", path, "red:demo2:login", json={"redirect_uris": ["https://elsewhere.example/cb"]})
    await site.services.notices.settle()
    ((recipient, subject, text),) = mailbox.mails
    assert recipient == "demo1@example.org"
    assert "Your application Gateway" in subject
    assert "demo2" in text
    assert "redirect_uris" in text
    assert "127.0.0.1" in text


@pytest.mark.parametrize("late", ["decide", "change"])
async def test_what_began_before_does_not_bring_a_revoked_application_back(site, late):
    made = await register(site, level="orange")
    path, store = f"/account/applications/{made['id']}", site.services.applications.store
    get, approval = store.application, {"approve": True, "seen": made["fingerprint"]}

    async def slowly(application_id):
        """It is revoked between the reading and the saving of the change."""
        found = await get(application_id)
        store.application = get
        assert (await site.call("DELETE", path, "red:demo1:login")).status_code == 200
        return found

    store.application = slowly
    if late == "decide":
        answer = await site.call("POST", f"{path}/approval", STAFF, json=approval)
    else:
        answer = await site.call("PATCH", path, "red:demo1:login", json={"homepage": "https://m.example"})
    assert answer.status_code == 409
    assert (await site.get(path, "red:demo1:login")).json()["revoked_at"] is not None


async def test_staff_act_for_the_facility_through_no_application_of_others(site):
    """Somebody of the staff who has let a gateway act for them has not let it approve gateways."""
    made = await register(site, level="red")
    staff = await site.people.user(UserName("staff1"))

    def through(client_id):
        level, expires = SecurityLevel.RED, site.clock.now() + timedelta(minutes=5)
        return Actor.of(Principal(staff, client_id, level, scopes_of(level), "::1", expires, GrantId("g")))

    service = site.services.applications
    with pytest.raises(Exception, match="staff"):
        await service.decide(made["id"], through(ClientId("gateway000001")), approve=True)
    done = await service.decide(made["id"], through(COMMAND_LINE_ID), approve=True, seen=made["fingerprint"])
    assert done.approval is Approval.APPROVED


async def test_a_public_application_stays_public(site):
    made = await register(site)
    path = f"/account/applications/{made['id']}"
    public = generate_key_pair("ES256")[1]
    assert (await site.call("PATCH", path, "red:demo1:login", json={"keys": [public]})).status_code == 422


async def allow(site, user, number):
    now = site.clock.now()
    application = (await site.get("/account/applications", "red:demo1:login")).json()[0]["id"]
    grant = Grant(
        id=GrantId(f"grant-{number}"),
        application=ClientId(application),
        user=UserName(user),
        scopes=frozenset({Scope.ACCOUNT_READ}),
        identity=frozenset({"openid"}),
        created_at=now,
        expires_at=now + timedelta(days=1),
        logged_in_at=now,
        methods=("pwd",),
    )
    await site.services.grants.known.store.allow(grant, site.audit())
    return grant.id


async def test_people_see_and_take_back_their_own_grants_alone(site):
    await register(site)
    mine, theirs = await allow(site, "demo1", 1), await allow(site, "demo2", 2)
    (seen,) = (await site.get("/account/grants", "green:demo1")).json()
    assert (seen["id"], seen["name"], seen["level"], seen["scopes"]) == (
        mine,
        "Gateway",
        "green",
        ["account.info:read"],
    )
    assert (await site.call("DELETE", f"/account/grants/{theirs}", "red:demo1:login")).status_code == 404
    assert (await site.call("DELETE", f"/account/grants/{theirs}", "red:staff1:login")).status_code == 404
    assert (await site.call("DELETE", "/account/grants/none", "red:demo1:login")).status_code == 404
    assert (await site.call("DELETE", f"/account/grants/{mine}", "red:demo1:login")).json() == {
        "id": mine,
        "revoked": True,
    }
    assert (await site.call("DELETE", f"/account/grants/{mine}", "red:demo1:login")).status_code == 404
    assert (await site.get("/account/grants", "green:demo1")).json() == []
    assert len((await site.get("/account/grants", "green:demo2")).json()) == 1
    rows = [(row.actor, row.target) for row in site.memory.audit if row.action == "grants.revoke"]
    assert rows == [("demo1", mine)]
