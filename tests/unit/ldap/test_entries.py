"""What entries mean, and how questions are written."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.adapters.ldap.entries import Entry, Flawed, group_of, is_locked, person_of, plain_dn, reading_of
from superfacility.adapters.ldap.options import Options, read_options
from superfacility.adapters.ldap.searching import escaped, one_user, these_groups

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TODAY = int(NOW.timestamp()) // 86_400
OPTIONS = read_options({"urls": ["ldaps://ldap.example.org"], "user_base": "dc=x", "anonymous": True}, Path)


def entry(name: bytes = b"alice", number: bytes = b"5001", *, key: bytes = b"id-1", **more: bytes) -> Entry:
    found = {"uid": [name], "uidnumber": [number], "entryuuid": [key]}
    return Entry(f"uid={name!r},dc=x", found | {each: [value] for each, value in more.items()})


def test_text_for_people_alone_is_taken_over() -> None:
    junk = Entry(
        "uid=alice,dc=x",
        {
            "uid": [b"alice"],
            "uidnumber": [b"5001"],
            "entryuuid": [b"id-1"],
            "givenname": [b"\xff\xfe", b"Alice"],
            "sn": [b"\x1b[31mevil"],
            "mail": [b"m" * 1000],
            "telephonenumber": [b"1\x00"],
        },
    )
    person = person_of(junk, OPTIONS, NOW)
    assert person is not None
    user = person.user
    assert (user.first_name, user.last_name, user.email, user.work_phone) == ("Alice", "", "m" * 255, "")


@pytest.mark.parametrize(
    "bad",
    [
        entry(name=b"al ice"),
        entry(name=b"\xff"),
        entry(name=b"alice\n"),
        entry(name=b"-rf"),
        entry(name=b"../etc"),
        entry(name=b"a" * 65),
        entry(name=b""),
        entry(number=b""),
        entry(number=b"-1"),
        entry(number=b"0x10"),
        entry(number=b"2147483648"),
        entry(number="٣".encode()),
        entry(key=b"\xff"),
        entry(key=b""),
        Entry("dc=x", {}),
        Entry("dc=x", {"uid": [b"alice", b"bob"], "uidnumber": [b"5001"], "entryuuid": [b"1"]}),
        Entry("dc=x", {"uid": [b"alice"], "uidnumber": [b"5001", b"5002"], "entryuuid": [b"1"]}),
        Entry("dc=x", {"uid": [b"alice"], "uidnumber": [b"5001"]}),
    ],
)
def test_an_entry_that_says_nothing_certain_is_a_flaw(bad: Entry) -> None:
    with pytest.raises(Flawed):
        person_of(bad, OPTIONS, NOW)
    reading = reading_of([bad], [], [], OPTIONS, NOW)
    assert reading.users == ()
    assert len(reading.flaws) == 1
    assert reading.flaws[0].isprintable()


def test_accounts_of_the_system_are_nobody() -> None:
    assert person_of(entry(number=b"0"), OPTIONS, NOW) is None
    assert person_of(entry(number=b"999"), OPTIONS, NOW) is None
    assert person_of(entry(number=b"1000"), OPTIONS, NOW) is not None


@pytest.mark.parametrize(
    ("locked", "attributes"),
    [
        (True, {"pwdaccountlockedtime": b"000001010000Z"}),
        (False, {"pwdaccountlockedtime": b"20260228120000Z"}),
        (True, {"nsaccountlock": b"TRUE"}),
        (False, {"nsaccountlock": b"FALSE"}),
        (True, {"shadowexpire": str(TODAY).encode()}),
        (True, {"shadowexpire": b"0"}),
        (False, {"shadowexpire": str(TODAY + 1).encode()}),
        (False, {"shadowexpire": b"-1"}),
        (False, {"shadowexpire": b"junk"}),
        (True, {"useraccountcontrol": b"514"}),
        (False, {"useraccountcontrol": b"512"}),
        (True, {"loginshell": b"/sbin/nologin"}),
        (False, {"loginshell": b"/bin/bash"}),
    ],
)
def test_accounts_are_locked_as_directories_say_it(locked: bool, attributes: dict[str, bytes]) -> None:
    options = Options(OPTIONS.servers, "dc=x", "dc=x", locked_shells=("/sbin/nologin",))
    assert is_locked({name: [value] for name, value in attributes.items()}, options, NOW) is locked


def test_what_two_entries_have_is_nobodys() -> None:
    twins = [entry(key=b"1"), entry(key=b"2"), entry(b"bob", b"5002", key=b"3"), entry(b"carol", b"5002", key=b"4")]
    reading = reading_of([*twins, entry(b"dave", b"5003", key=b"5")], [], ["gone"], OPTIONS, NOW)
    assert [user.name for user in reading.users] == ["dave"]
    assert reading.doubtful == {"alice", "bob", "carol"}
    assert reading.missing == {"gone"}


def test_a_group_has_members_by_name_and_by_dn() -> None:
    found = {"cn": [b"lab"], "memberuid": [b"alice", b"\xff"], "member": [b"UID=Bob , DC=X"], "gidnumber": [b"7"]}
    group = group_of(Entry("cn=lab,dc=x", found), OPTIONS)
    assert group is not None
    assert group.names == {"alice"}
    assert group.dns == {"uid=bob,dc=x"}
    assert group_of(Entry("cn=lab,dc=x", {"cn": [b"\xff"]}), OPTIONS) is None


def test_ids_of_active_directory_are_read() -> None:
    options = Options(OPTIONS.servers, "dc=x", "dc=x", id="objectGUID")
    found = {"uid": [b"alice"], "uidnumber": [b"5001"], "objectguid": [bytes(range(16))]}
    person = person_of(Entry("cn=a", found), options, NOW)
    assert person is not None
    assert person.user.id == "03020100-0504-0706-0809-0a0b0c0d0e0f"


@given(st.text())
def test_no_value_ends_its_place_in_a_filter(value: str) -> None:
    plain = escaped(value)
    assert not set(plain) & set("*()\0")
    assert plain.isascii()
    assert all(len(part) >= 2 and set(part[:2]) <= set("0123456789abcdef") for part in plain.split("\\")[1:])
    assert one_user(OPTIONS, value) == f"(&(objectClass=posixAccount)(uid={plain}))"
    assert these_groups(OPTIONS, [value]).count("(") == 4


def test_dns_are_compared_without_case_and_spaces() -> None:
    assert plain_dn("UID=Alice, OU = People,dc=x ") == plain_dn("uid=alice,ou=people,DC=x")
    assert plain_dn("uid=alice b,dc=x") != plain_dn("uid=aliceb,dc=x")
