"""What an entry means (RFC 2307 and 2307bis): pure functions over attributes as the server sent them, in bytes."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from superfacility.adapters.ldap.options import Options
from superfacility.facility.membership.directory import DirectoryReading, DirectoryUser
from superfacility.facility.people import UserName

Attributes = Mapping[str, Sequence[bytes]]
"""By the attribute's name in lower case."""
LONGEST = 255
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_LARGEST_NUMBER = 2**31 - 1
_LOCKED_FOR_GOOD = b"000001010000Z"
"""`pwdAccountLockedTime` of an account that an administrator has locked. Other times are the server's answer to wrong
passwords: if they counted, a stranger who guesses would take people's clients from them."""
_AD_DISABLED, _AD_ID = 2, "objectguid"
STATE_ATTRIBUTES = ("pwdAccountLockedTime", "nsAccountLock", "shadowExpire", "userAccountControl", "loginShell")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a search."""

    dn: str
    attributes: Attributes


class Flawed(ValueError):
    """An entry that says nothing certain. `name` is whom it may concern, if that can be told."""

    def __init__(self, why: str, name: UserName | None = None) -> None:
        super().__init__(why)
        self.name = name


@dataclass(frozen=True, slots=True)
class Person:
    """A person with what memberships are told by."""

    user: DirectoryUser
    dn: str
    main_group: bytes


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A group; members are names or DNs, as the schema has it, in lower case where case does not count."""

    name: str
    number: bytes
    names: frozenset[str]
    dns: frozenset[str]

    def has(self, person: Person) -> bool:
        return (
            person.user.name in self.names
            or plain_dn(person.dn) in self.dns
            or (bool(self.number) and person.main_group == self.number)
        )


def person_of(entry: Entry, options: Options, now: datetime) -> Person | None:
    """None for an account below the least number: it is no person's. `Flawed` for what says nothing certain."""
    found = entry.attributes
    name = _name(entry, options)
    number = _number(found, options.number, name)
    if number < options.least_number:
        return None
    user = DirectoryUser(
        id=_id(found, options.id, name),
        uid=number,
        name=name,
        first_name=_words(found, options.first_name),
        last_name=_words(found, options.last_name),
        email=_words(found, options.mail),
        work_phone=_words(found, options.phone),
        active=not is_locked(found, options, now),
    )
    return Person(user, entry.dn, (found.get("gidnumber") or [b""])[0])


def is_locked(found: Attributes, options: Options, now: datetime) -> bool:
    """Whether the account may not be used, as the directories of this world write that down."""
    days, flags = _integer(found, "shadowExpire"), _integer(found, "userAccountControl")
    return (
        _LOCKED_FOR_GOOD in found.get("pwdaccountlockedtime", ())
        or any(value.strip().lower() == b"true" for value in found.get("nsaccountlock", ()))
        or (days is not None and days >= 0 and now.timestamp() >= days * 86_400)
        or (flags is not None and bool(flags & _AD_DISABLED))
        or any(value.decode("utf-8", "replace") in options.locked_shells for value in found.get("loginshell", ()))
    )


def group_of(entry: Entry, options: Options) -> KnownGroup | None:
    """None for one whose name cannot be read."""
    found = entry.attributes
    names = [_decoded(value) for value in found.get(options.group_name.lower(), ())]
    if not names or names[0] is None:
        return None
    return KnownGroup(
        name=names[0],
        number=(found.get("gidnumber") or [b""])[0],
        names=frozenset(filter(None, map(_decoded, found.get("memberuid", ())))),
        dns=frozenset(
            plain_dn(dn)
            for attribute in ("member", "uniquemember")
            for value in found.get(attribute, ())
            if (dn := _decoded(value)) is not None
        ),
    )


def with_groups(person: Person, groups: Iterable[KnownGroup]) -> DirectoryUser:
    return replace(person.user, groups=frozenset(group.name for group in groups if group.has(person)))


def reading_of(
    entries: Iterable[Entry], groups: Sequence[KnownGroup], wanted: Collection[str], options: Options, now: datetime
) -> DirectoryReading:
    """Everybody; names, numbers and ids that two entries have are nobody's."""
    people, flaws, doubtful = [], [], set()
    for entry in entries:
        try:
            person = person_of(entry, options, now)
        except Flawed as flaw:
            flaws.append(f"{shown(entry.dn)}: {flaw}")
            doubtful |= {flaw.name} - {None}
        else:
            people += [] if person is None else [person]
    for kind, key in (("name", _by_name), ("number", _by_number), ("id", _by_id)):
        counts = Counter(map(key, people))
        for person in people:
            if counts[key(person)] > 1:
                flaws.append(f"{shown(person.dn)}: another entry has the same {kind} {shown(str(key(person)))}")
                doubtful.add(person.user.name)
    members: dict[UserName, DirectoryUser] = {
        person.user.name: with_groups(person, groups) for person in people if person.user.name not in doubtful
    }
    missing = frozenset(wanted) - {group.name for group in groups}
    certain = tuple(members[name] for name in sorted(members))
    return DirectoryReading(certain, missing, tuple(flaws), frozenset(name for name in doubtful if name is not None))


def plain_dn(dn: str) -> str:
    """How DNs are compared: without case, and without spaces around the commas and equals signs."""
    return re.sub(r"\s*([,=+])\s*", r"\1", dn.strip()).casefold()


def shown(text: str) -> str:
    """Part of a message: nothing that moves a terminal's cursor, and not without end."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST])


def _by_name(person: Person) -> str:
    return person.user.name


def _by_number(person: Person) -> int:
    return person.user.uid


def _by_id(person: Person) -> str:
    return person.user.id


def _name(entry: Entry, options: Options) -> UserName:
    name = _decoded(_single(entry.attributes, options.name, None))
    if name is None or not _NAME.fullmatch(name):
        raise Flawed(f"its {options.name} cannot be the name of a user")
    return UserName(name)


def _number(found: Attributes, attribute: str, name: UserName) -> int:
    value = _single(found, attribute, name)
    if not value.isdigit() or len(value) > 10 or not 0 <= int(value) <= _LARGEST_NUMBER:
        raise Flawed(f"its {attribute} is no number of a user", name)
    return int(value)


def _id(found: Attributes, attribute: str, name: UserName) -> str:
    value = _single(found, attribute, name)
    if attribute.lower() == _AD_ID and len(value) == 16:
        return str(UUID(bytes_le=value))
    text = _decoded(value)
    if not text or not text.isprintable() or len(text) > LONGEST:
        raise Flawed(f"its {attribute} cannot be read", name)
    return text


def _single(found: Attributes, attribute: str, name: UserName | None) -> bytes:
    values = found.get(attribute.lower(), ())
    if len(values) != 1:
        raise Flawed(f"it has {len(values) or 'no'} values of {attribute}, where one must be", name)
    return values[0]


def _integer(found: Attributes, attribute: str) -> int | None:
    for value in found.get(attribute.lower(), ()):
        if re.fullmatch(rb"-?\d{1,12}", value):
            return int(value)
    return None


def _words(found: Attributes, attribute: str) -> str:
    """The first value, if it is text for people: what else there may be is nothing to us."""
    for value in found.get(attribute.lower(), ()):
        text = _decoded(value)
        if text is not None and text.isprintable():
            return text[:LONGEST]
    return ""


def _decoded(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
