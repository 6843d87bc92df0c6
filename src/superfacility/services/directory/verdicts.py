"""What an entry of the directory means for one user: pure functions.

A name is given to another person one day, an entry's id and a Unix number should never be. So a user is tied to an
entry by its id, and where id or number do not fit any more, the power of that name ends, and a human decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.membership.directory import DirectoryLink, DirectoryUser, Mirrored, MirrorStep
from superfacility.facility.people import ProjectName, Role, User, UserName

ACTOR = "directory"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the directory says of a user, and we do not follow: why, and who must do what."""

    user: UserName
    why: str


@dataclass(frozen=True, slots=True)
class Rules:
    """`staff_groups` make staff of their members, and nobody else who is in the directory; empty: it says nothing of
    that. `projects` are projects by the group whose members belong to them. `limit` is the share of users, in percent,
    that may lose something at a time."""

    staff_groups: frozenset[str] = frozenset()
    projects: Mapping[str, ProjectName] = field(default_factory=dict)
    limit: float = 10.0

    @property
    def groups(self) -> frozenset[str]:
        return self.staff_groups | frozenset(self.projects)

    def most(self, watched: int) -> int:
        """How many of so many may lose something at a time."""
        return max(3, int(watched * self.limit / 100))


@dataclass(frozen=True, slots=True)
class Groups:
    """What is known of groups at one moment: those that are `missing` say nothing of anybody; `projects` are ours."""

    rules: Rules
    missing: frozenset[str]
    projects: frozenset[ProjectName]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done for one user, and what is not, with the reason."""

    step: MirrorStep | None = None
    refusal: Refusal | None = None


def judge(
    name: UserName, found: DirectoryUser | None, here: Mirrored | None, now: datetime, groups: Groups | None = None
) -> Verdict:
    """What the directory's answer means for that user. Without `groups` it says nothing of them."""
    if found is None:
        return Verdict(None if here is None else _gone(here, now))
    if here is None:
        return Verdict(_new(found, now, groups) if found.active else None)
    if here.link is None:
        return _tie(found, here, now, groups)
    if (here.link.id, here.user.uid) != (found.id, found.uid):
        return _another(found, here, now)
    return Verdict(_follow(found, here, now, groups))


def loses(step: MirrorStep) -> bool:
    """Whether it takes something from somebody."""
    before = step.before
    return before is not None and (
        (before.active and not step.user.active) or (before.staff and not step.user.staff) or bool(step.leaves)
    )


def copy_of(found: DirectoryUser, here: User | None, staff: bool | None) -> User:
    """The user as the entry has it; what it does not say stays as it was."""
    old = here or User(found.uid, name=found.name)
    return replace(
        old,
        uid=found.uid,
        first_name=found.first_name or old.first_name,
        last_name=found.last_name or old.last_name,
        email=found.email or old.email,
        work_phone=found.work_phone or old.work_phone,
        staff=old.staff if staff is None else staff,
    )


def entry(now: datetime, action: str, name: UserName, detail: str, actor: str = ACTOR) -> AuditEntry:
    return AuditEntry(now, actor, f"directory.{action}", name, detail=detail)


def _gone(here: Mirrored, now: datetime) -> MirrorStep | None:
    if here.link is None or here.link.away:
        return None
    audit = entry(now, "deactivate_user", here.user.name, "is not in the directory any more")
    return MirrorStep(replace(here.user, active=False), here.user, replace(here.link, away=True), audit)


def _new(found: DirectoryUser, now: datetime, groups: Groups | None) -> MirrorStep:
    joins, _ = _projects(found, {}, groups)
    detail = f"number {found.uid}, entry {found.id}{_listed('joins', joins)}"
    user = copy_of(found, None, _staff(found, groups))
    return MirrorStep(user, None, DirectoryLink(found.id), entry(now, "add_user", found.name, detail), joins)


def _tie(found: DirectoryUser, here: Mirrored, now: datetime, groups: Groups | None) -> Verdict:
    """A user who was here before the directory counted: the same person if the Unix number says so."""
    name = found.name
    if not found.active:
        return Verdict()
    if here.password or here.user.uid != found.uid:
        why = "has a password here" if here.password else f"has the number {here.user.uid} here"
        return Verdict(
            refusal=Refusal(
                name,
                f"{name} {why}, and is in the directory with the number {found.uid}. If that is the same person: "
                f"sfapi admin directory adopt {name}",
            )
        )
    return Verdict(_follow(found, replace(here, link=DirectoryLink(found.id)), now, groups, tie=True))


def _another(found: DirectoryUser, here: Mirrored, now: datetime) -> Verdict:
    assert here.link is not None
    name = found.name
    was, now_is = f"number {here.user.uid}, entry {here.link.id}", f"number {found.uid}, entry {found.id}"
    refusal = Refusal(
        name,
        f"{name} was {was}, and is {now_is} in the directory now: that may be another person, who must not get what "
        f"belongs to the first. Ask; then, for the same person: sfapi admin directory adopt {name}, or for another: "
        f"sfapi admin directory replace {name}",
    )
    if not here.user.active:
        return Verdict(refusal=refusal)
    audit = entry(now, "deactivate_user", name, f"was {was}, is {now_is}")
    step = MirrorStep(replace(here.user, active=False), here.user, replace(here.link, away=True), audit)
    return Verdict(step, refusal)


def _follow(
    found: DirectoryUser, here: Mirrored, now: datetime, groups: Groups | None, *, tie: bool = False
) -> MirrorStep | None:
    assert here.link is not None
    active, away = here.user.active, here.link.away
    if found.active and away:
        active, away = True, False
    elif not found.active and active:
        active, away = False, True
    user = replace(copy_of(found, here.user, _staff(found, groups)), active=active)
    joins, leaves = _projects(found, here.roles, groups) if active else ((), ())
    link = DirectoryLink(found.id, away)
    if not tie and (user, link, joins, leaves) == (here.user, here.link, (), ()):
        return None
    action = "adopt_user" if tie else "change_user" if active == here.user.active else _turned(active)
    audit = entry(now, action, found.name, _difference(here.user, user, joins, leaves))
    return MirrorStep(user, here.user, link, audit, joins, leaves)


def _turned(active: bool) -> str:
    return "reactivate_user" if active else "deactivate_user"


def _staff(found: DirectoryUser, groups: Groups | None) -> bool | None:
    """None: nobody says."""
    if groups is None or not groups.rules.staff_groups:
        return None
    if found.groups & groups.rules.staff_groups:
        return True
    return None if groups.missing & groups.rules.staff_groups else False


def _projects(
    found: DirectoryUser, roles: Mapping[ProjectName, Role], groups: Groups | None
) -> tuple[tuple[ProjectName, ...], tuple[ProjectName, ...]]:
    """Those to join and to leave. Whoever has a role above a plain member's was given it here, and keeps it."""
    if groups is None:
        return (), ()
    mapped = groups.rules.projects
    unknown = {project for group, project in mapped.items() if group in groups.missing}
    belongs = {project for group, project in mapped.items() if group in found.groups} & groups.projects
    plain = {project for project, role in roles.items() if role is Role.USER and project in mapped.values()}
    return tuple(sorted(belongs - set(roles))), tuple(sorted(plain - belongs - unknown))


def _difference(before: User, after: User, joins: tuple[ProjectName, ...], leaves: tuple[ProjectName, ...]) -> str:
    """Which fields, not what is in them: the audit is kept for years."""
    fields = ("uid", "first_name", "last_name", "email", "work_phone", "staff", "active")
    changed = [name for name in fields if getattr(before, name) != getattr(after, name)]
    words = [f"changed: {', '.join(changed) or 'nothing'}"]
    if "staff" in changed or "active" in changed:
        words += [f"{name} {getattr(after, name)}" for name in ("staff", "active") if name in changed]
    return "; ".join(words) + _listed("joins", joins) + _listed("leaves", leaves)


def _listed(word: str, projects: tuple[ProjectName, ...]) -> str:
    return f"; {word} {', '.join(projects)}" if projects else ""
