"""LDAP servers that hang, lie, or are not who they say: never is a part taken for the whole, or a secret given away."""

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from superfacility.adapters.ldap import open_directory
from superfacility.core.clock import SystemClock
from superfacility.facility.errors import Unavailable
from superfacility.facility.membership.directory import PeopleDirectory
from superfacility.facility.people import UserName
from superfacility.testing.directories import Slapd
from superfacility.testing.directories.slapd import GROUPS, LIMITED, PEOPLE, SECRET

ALICE = UserName("alice")
Open = Callable[..., PeopleDirectory]


@pytest.fixture(autouse=True)
def people(slapd: Slapd) -> None:
    if not slapd.is_up():
        slapd.start()
    slapd.empty()
    slapd.add_person("alice", 5001, password="correct horse")


@pytest.fixture
async def opened(slapd: Slapd) -> AsyncIterator[Open]:
    """Opens it with these options in place of the right ones."""
    all_opened: list[PeopleDirectory] = []

    def open_with(**options: object) -> PeopleDirectory:
        chosen = {**slapd.options, "time_limit_seconds": 20, **options}
        all_opened.append(open_directory({k: v for k, v in chosen.items() if v is not None}, Path, SystemClock()))
        return all_opened[-1]

    yield open_with
    for directory in all_opened:
        await directory.aclose()


async def test_a_server_that_hangs_is_given_up_and_asked_again_when_it_is_back(slapd: Slapd, opened: Open) -> None:
    directory = opened(time_limit_seconds=6)
    assert await directory.user(ALICE)
    slapd.pause()
    try:
        with pytest.raises(Unavailable, match=r"did not answer|timed out"):
            await directory.user(ALICE)
    finally:
        slapd.resume()
    assert await directory.user(ALICE)


async def test_a_server_that_was_started_anew_is_asked_on_a_new_connection(slapd: Slapd, opened: Open) -> None:
    directory = opened()
    assert await directory.user(ALICE)
    slapd.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        await directory.user(ALICE)
    slapd.start()
    assert await directory.user(ALICE)
    slapd.stop()
    slapd.start()
    assert await directory.user(ALICE)


async def test_the_next_server_is_asked_if_the_first_is_away(slapd: Slapd, opened: Open) -> None:
    directory = opened(urls=["ldaps://127.0.0.1:1", f"ldaps://127.0.0.1:{slapd.tls_port}"])
    assert await directory.user(ALICE)


async def test_a_part_is_never_taken_for_the_whole(slapd: Slapd, opened: Open) -> None:
    for number in range(6):
        slapd.add_person(f"user{number}", 6000 + number)
    for page_size in (1, 3, 500):
        with pytest.raises(Unavailable, match="size limit"):
            await opened(bind_dn=LIMITED, page_size=page_size).read()
    with pytest.raises(Unavailable, match="more than 6 entries"):
        await opened(most_entries=6).read()
    assert len((await opened(page_size=1).read()).users) == 7


async def test_a_branch_that_is_not_there_is_no_empty_branch(opened: Open) -> None:
    directory = opened(user_base="ou=nobody,dc=example,dc=org")
    for question in (directory.read(), directory.user(ALICE), directory.ping()):
        with pytest.raises(Unavailable, match="has no ou=nobody"):
            await question


async def test_a_server_with_another_certificate_gets_no_password(slapd: Slapd, opened: Open) -> None:
    urls = [f"ldaps://127.0.0.1:{slapd.tls_port}"], [f"ldap://127.0.0.1:{slapd.port}"]
    for url in urls:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await opened(urls=url, ca_file=str(slapd.other_ca)).user(ALICE)
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await opened(urls=url, ca_file=None).user(ALICE)
        with pytest.raises(Unavailable, match="not valid for 'localhost'"):
            await opened(urls=[url[0].replace("127.0.0.1", "localhost")]).user(ALICE)


async def test_a_wrong_password_is_said_as_such(slapd: Slapd, opened: Open, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("a wrong one\n")
    wrong.chmod(0o600)
    with pytest.raises(Unavailable, match="does not accept the password of cn=reader"):
        await opened(password_file=str(wrong)).user(ALICE)
    wrong.write_text("\n")
    with pytest.raises(Unavailable, match="is empty"):
        await opened(password_file=str(wrong)).user(ALICE)
    wrong.write_text(SECRET)
    wrong.chmod(0o640)
    with pytest.raises(Unavailable, match="chmod 600"):
        await opened(password_file=str(wrong)).user(ALICE)


async def test_without_leave_to_read_nobody_is_said_to_be_gone(slapd: Slapd, opened: Open) -> None:
    directory = opened(bind_dn=None, password_file=None, anonymous=True)
    with pytest.raises(Unavailable):
        await directory.read()


async def test_junk_in_attributes_is_not_passed_on(slapd: Slapd, opened: Open) -> None:
    slapd.add_person("bob", 5002, more="givenName:: G1szMW1ldmls\n")
    slapd.add_person("carol", 5003, more="uid: second\n")
    slapd.add_person("dave", 5001)
    slapd.add(
        f"dn: cn=eve,{PEOPLE}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid:: Li4vLi4vZXRj\ncn: eve\n"
        "sn:: G1szMW1ldmls\nuidNumber: 5005\ngidNumber: 100\nhomeDirectory: /\n"
    )
    slapd.add_person("root", 0)
    reading = await opened().read()
    assert [(user.name, user.first_name) for user in reading.users] == [("bob", "Bob")]
    assert reading.doubtful == {"alice", "dave"}
    assert len(reading.flaws) == 4
    assert all(flaw.isprintable() for flaw in reading.flaws)


async def test_groups_by_dn_and_main_groups_count(slapd: Slapd, opened: Open) -> None:
    slapd.add(f"dn: cn=lab,{GROUPS}\nobjectClass: groupOfNames\ncn: lab\nmember: UID=Alice, ou=People,{PEOPLE[10:]}\n")
    slapd.add_group("users", 100)
    directory = opened(schema="rfc2307bis")
    found = await directory.user(ALICE, ["lab", "users"])
    assert found is not None
    assert found.groups == {"lab", "users"}
    assert (await directory.read(["lab", "users"])).users == (found,)


@contextmanager
def pretending(*answers: bytes) -> Iterator[tuple[int, bytearray]]:
    """A server that says the next of these to whatever it is told, then ends; and all that it was told."""
    told = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):  # it may hang up on us
                connection.settimeout(60)
                for answer in answers:
                    told.extend(connection.recv(65536))
                    connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while data := connection.recv(65536):
                    told.extend(data)

        server = threading.Thread(target=serve)
        server.start()
        yield listener.getsockname()[1], told
        server.join(60)


NO_TLS = bytes.fromhex("300c02010178070a013404000400")
"""An extended response: unavailable."""
YES_TLS = bytes.fromhex("300c02010178070a010004000400")


@pytest.mark.parametrize(
    "answer", [NO_TLS, YES_TLS + b"no TLS at all" * 100, b"\x30\x84\xff\xff\xff\xff", b"HTTP/1.1 400\r\n"]
)
async def test_who_does_not_encrypt_is_told_no_name_and_no_password(opened: Open, answer: bytes) -> None:
    with pretending(answer) as (port, told):
        directory = opened(urls=[f"ldap://127.0.0.1:{port}"], time_limit_seconds=10)
        with pytest.raises(Unavailable):
            await directory.user(ALICE)
        await directory.aclose()
    assert b"1.3.6.1.4.1.1466.20037" in told
    assert SECRET.encode() not in told
    assert b"cn=reader" not in told


BOUND = bytes.fromhex("300c02010161070a010004000400")
REFERRED = bytes.fromhex("302a02010265250a010a04000400a31c041a") + b"ldap://127.0.0.1:1/dc=evil"
LIES = {
    "garbage": b"\x30\x05garba" * 50,
    "endless": b"\x30\x84\x7f\xff\xff\xff" + bytes(4096),
    "no LDAP": b"\xff" * 100,
    "another's answer": bytes.fromhex("300c02016365070a010004000400"),
    "a referral": REFERRED,
    "a bind": BOUND,
    "nothing": b"",
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_no_answer_says_nothing(opened: Open, lie: str) -> None:
    with pretending(BOUND, LIES[lie]) as (port, _):
        directory = opened(urls=[f"ldap://127.0.0.1:{port}"], plaintext=True, ca_file=None, time_limit_seconds=10)
        with pytest.raises(Unavailable):
            await directory.user(ALICE)
        await directory.aclose()
