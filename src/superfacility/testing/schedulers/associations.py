"""A scheduler's book of accounts in memory."""

from dataclasses import dataclass, field, replace

from superfacility.facility.accounting.associations import AssociationStep, Book, BookedAccount, StepKind
from superfacility.facility.errors import InvalidInput, Refused


@dataclass
class MemoryAssociations:
    """`busy` are users whose jobs keep them from being removed; `refused` are users that it never takes."""

    accounts: dict[str, BookedAccount] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    async def read(self) -> Book:
        return Book(dict(self.accounts), dict(self.defaults))

    async def apply(self, step: AssociationStep) -> None:
        for name in (step.account, *step.users):
            if not name or name != name.lower() or "," in name or " " in name:
                raise InvalidInput(f"{name!r} cannot be a name of the book.")
        if step.kind is StepKind.ADD_ACCOUNT:
            self.accounts.setdefault(step.account, BookedAccount(step.account, ours=True))
            return
        if step.account not in self.accounts:
            raise Refused(f"This account '{step.account}' doesn't exist.\n")
        self._change(step)

    def _change(self, step: AssociationStep) -> None:
        found, users = self.accounts[step.account], frozenset(step.users)
        if step.kind is StepKind.ADD_USERS:
            if users & self.refused:
                raise Refused(f"There is no user {min(users & self.refused)}.\n")
            self.accounts[step.account] = replace(found, users=found.users | users)
            for user in step.users:
                self.defaults.setdefault(user, step.account)
        elif step.kind is StepKind.SET_DEFAULT:
            if not users <= found.users:
                raise Refused("Can't modify because these users aren't associated with the new default account.\n")
            self.defaults |= dict.fromkeys(step.users, step.account)
        else:
            if users & self.busy:
                raise Refused("Error with request: Job(s) active, cancel job(s) before remove\n")
            self.accounts[step.account] = replace(found, users=found.users - users)
            for user in users & found.users:
                if self.defaults.get(user) == step.account:
                    del self.defaults[user]
