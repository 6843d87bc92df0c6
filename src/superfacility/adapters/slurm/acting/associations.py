"""Accounts and associations in slurmdbd, by sacctmgr as the account that reads: an operator of Slurm."""

import re
from dataclasses import replace

from superfacility.adapters.slurm.capabilities import parse_settings
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks
from superfacility.adapters.slurm.words import away, certainly_not_sent, program_missing, said, unavailable
from superfacility.facility.accounting.associations import AssociationStep, Book, BookedAccount, StepKind
from superfacility.facility.errors import Doubtful, InvalidInput, Refused, Unsupported

ORGANIZATION = "superfacility"
"""What accounts that we have made say of themselves."""
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_NOT_FOUND = 127
_SO_ALREADY = ("Nothing new added", "Nothing deleted", "Nothing modified")


class SlurmAssociations:
    """`AssociationBook` of one cluster."""

    def __init__(self, programs: Programs) -> None:
        self._asking = programs
        self._programs = replace(programs, options=replace(programs.options, cluster=None))
        self._cluster = programs.options.cluster

    async def read(self) -> Book:
        cluster = await self._name()
        accounts = await self._show("account", "format=account,organization")
        users = await self._show("assoc", f"cluster={cluster}", "format=account,user,partition")
        defaults = await self._show("user", "withassoc", f"cluster={cluster}", "format=user,defaultaccount")
        try:
            return parse_book(accounts, users, defaults)
        except GarbledError as error:
            raise self._asking.garbled("sacctmgr", error) from None

    async def apply(self, step: AssociationStep) -> None:
        system = self._programs.system
        result = await self._programs.act(self._programs.reader, arguments(step, await self._name()))
        words = said(result)
        if not result.exit_code or any(each in words for each in _SO_ALREADY):
            return
        if result.exit_code == _NOT_FOUND:
            raise program_missing(system, "sacctmgr")
        if certainly_not_sent(words):
            raise unavailable(system, "sacctmgr", result)
        if away(words) or not words.strip():
            raise Doubtful(f"{system}: sacctmgr failed ({words.strip() or result.exit_code}); look again.")
        raise Refused(words)

    async def _show(self, *what: str) -> str:
        command = ("sacctmgr", "--noheader", "--parsable2", "--readonly", "show", *what)
        return await self._programs.read(self._programs.reader, command, Marks())

    async def _name(self) -> str:
        if self._cluster is None:
            text = await self._asking.read(self._asking.reader, ("scontrol", "show", "config"), Marks())
            found = parse_settings(text)
            if not found.get("AccountingStorageType", "").endswith("/slurmdbd"):
                raise Unsupported(f"{self._asking.system} keeps no accounts: its Slurm has no slurmdbd.")
            self._cluster = found.get("ClusterName", "")
        return self._cluster


def arguments(step: AssociationStep, cluster: str) -> tuple[str, ...]:
    """As sacctmgr takes it, without asking back. Its words are joined with commas, so names have none."""
    for name in (step.account, *step.users):
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"{name!r} cannot be a name in slurmdbd: small letters, digits, `.`, `_` and `-` can.")
    account, users, where = f"account={step.account}", f"name={','.join(step.users)}", f"cluster={cluster}"
    match step.kind:
        case StepKind.ADD_ACCOUNT:
            made = ("description=project", f"organization={ORGANIZATION}")
            words: tuple[str, ...] = ("add", "account", f"name={step.account}", where, *made)
        case StepKind.ADD_USERS:
            words = ("add", "user", users, account, where)
        case StepKind.REMOVE_USERS:
            words = ("delete", "user", "where", users, account, where)
        case StepKind.SET_DEFAULT:
            words = ("modify", "user", "where", users, where, "set", f"defaultaccount={step.account}")
    return ("sacctmgr", "--immediate", *words)


def parse_book(accounts: str, associations: str, defaults: str) -> Book:
    """Lines of three readings, their columns separated by bars. An organization, which may have one, comes last."""
    organizations = dict(_rows(accounts, 2))
    users: dict[str, set[str]] = {}
    for account, user, partition in _rows(associations, 3):
        booked = users.setdefault(account, set())
        if user and not partition:
            booked.add(user)
    found = {
        name: BookedAccount(name, organizations.get(name) == ORGANIZATION, frozenset(members))
        for name, members in users.items()
    }
    return Book(found, {user: account for user, account in _rows(defaults, 2) if account})


def _rows(text: str, width: int) -> list[list[str]]:
    rows = [line.split("|", width - 1) for line in text.splitlines()]
    if any(len(row) != width or not row[0] for row in rows):
        raise GarbledError("a line is not of the shape that was asked for")
    return rows
