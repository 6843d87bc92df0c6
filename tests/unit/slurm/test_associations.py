"""What sacctmgr is told, and what it says."""

from dataclasses import dataclass, field

import pytest

from superfacility.adapters.slurm.acting.associations import SlurmAssociations, arguments, parse_book
from superfacility.adapters.slurm.options import Options
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.tables import GarbledError
from superfacility.facility.accounting.associations import AssociationStep, BookedAccount, StepKind
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import Doubtful, InvalidInput, Refused, Unavailable
from superfacility.facility.people import User, UserName


def test_steps_are_told_as_sacctmgr_takes_them() -> None:
    said = {
        kind: arguments(AssociationStep(kind, "m1", () if kind is StepKind.ADD_ACCOUNT else ("alice", "bob")), "c1")
        for kind in StepKind
    }
    assert all(words[:2] == ("sacctmgr", "--immediate") for words in said.values())
    assert {kind: words[2:] for kind, words in said.items()} == {
        StepKind.ADD_ACCOUNT: (
            *("add", "account", "name=m1", "cluster=c1", "description=project", "organization=superfacility"),
        ),
        StepKind.ADD_USERS: ("add", "user", "name=alice,bob", "account=m1", "cluster=c1"),
        StepKind.REMOVE_USERS: ("delete", "user", "where", "name=alice,bob", "account=m1", "cluster=c1"),
        StepKind.SET_DEFAULT: (
            *("modify", "user", "where", "name=alice,bob", "cluster=c1", "set", "defaultaccount=m1"),
        ),
    }


@pytest.mark.parametrize("name", ["", "a,b", "a b", "a=b", "-i", "where", "Alice", "a;b", "a|b", "a\nb"])
def test_names_that_would_say_something_else_are_refused(name: str) -> None:
    if name == "where":
        assert "name=where" in arguments(AssociationStep(StepKind.ADD_USERS, "m1", (name,)), "c1")
        return
    for step in (
        AssociationStep(StepKind.ADD_USERS, "m1", ("alice", name)),
        AssociationStep(StepKind.ADD_ACCOUNT, name),
        AssociationStep(StepKind.REMOVE_USERS, name, ("alice",)),
    ):
        with pytest.raises(InvalidInput):
            arguments(step, "c1")


def test_a_book_is_read() -> None:
    book = parse_book(
        "m1|superfacility\nm2|a | b\nelsewhere|superfacility\nroot|root\n",
        "root||\nroot|root|\nm1||\nm1|alice|\nm1|bob|gpu\nm2||\nm2|alice|\n",
        "alice|m1\nalice|m1\nbob|\nroot|root\n",
    )
    assert book.accounts == {
        "root": BookedAccount("root", False, frozenset({"root"})),
        "m1": BookedAccount("m1", True, frozenset({"alice"})),
        "m2": BookedAccount("m2", False, frozenset({"alice"})),
    }
    assert book.defaults == {"alice": "m1", "root": "root"}


@pytest.mark.parametrize("line", ["m1", "m1|alice", "|alice|", "sacctmgr: error: no"])
def test_what_has_another_shape_is_no_book(line: str) -> None:
    with pytest.raises(GarbledError):
        parse_book("m1|x\n", f"{line}\n", "")


@dataclass
class Saying:
    """A transport whose one program says this."""

    exit_code: int
    words: str
    commands: list[Command] = field(default_factory=list)

    async def run(self, user: User, command: Command, on_output: object = None) -> CommandResult:
        self.commands.append(command)
        return CommandResult(self.exit_code, b"", self.words.encode())


@pytest.mark.parametrize(
    ("exit_code", "words", "error"),
    [
        (0, "", None),
        (1, " Nothing new added.\n", None),
        (1, " Nothing deleted\n", None),
        (1, "Error with request: Job(s) active, cancel job(s) before remove\n", Refused),
        (1, " This account 'm1' doesn't exist.\n", Refused),
        (1, "sacctmgr: error: Unable to connect to database: Connection refused\n", Doubtful),
        (1, "sacctmgr: error: munge: Munge encode failed: Failed to connect\n", Unavailable),
        (1, "", Doubtful),
        (127, "/bin/sh: 1: sacctmgr: not found\n", Unavailable),
    ],
)
async def test_what_sacctmgr_says_is_sorted(exit_code: int, words: str, error: type[Exception] | None) -> None:
    transport = Saying(exit_code, words)
    options = Options(UserName("sfgate"), bin="/opt/slurm/bin", cluster="c1")
    book = SlurmAssociations(Programs("perlmutter", transport, options))  # type: ignore[arg-type]
    step = AssociationStep(StepKind.ADD_USERS, "m1", ("alice",))
    if error is None:
        await book.apply(step)
    else:
        with pytest.raises(error):
            await book.apply(step)
    (command,) = transport.commands
    assert command.arguments == ("/opt/slurm/bin/sacctmgr", *arguments(step, "c1")[1:])
