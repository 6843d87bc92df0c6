"""A Slurm of recorded answers."""

from collections.abc import Callable
from pathlib import Path

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.people import User
from superfacility.facility.site import Site
from superfacility.testing.transports import MemoryTransport

Recorded = Callable[[str], str]
NO_JOBS = "JOBID\x1frecordedCOMMAND\x1frecorded\n"
SITE = Site("perlmutter", lambda user: "/home", ("/home",), Path("/state"), Path("/bin"))


class Cluster:
    """Answers each of Slurm's programs with what was recorded, behind the marks of this very question."""

    def __init__(self, recorded: Recorded, *, accounting: bool = True) -> None:
        self.recorded = recorded
        self.accounting = accounting
        self.broken: set[str] = set()
        self.words = b"error: Socket timed out on send/recv operation\n"
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def run(self, user: User, command: Command, on_output: object = None) -> CommandResult:
        marked = command.arguments[0] == "/bin/sh"
        arguments = tuple(each for each in command.arguments[5 if marked else 0 :] if each != "--local")
        end = command.arguments[4] if marked else ""
        self.asked.append((user.name, arguments))
        if arguments[0] in self.broken:
            return CommandResult(1, b"", self.words)
        text = self.answer(arguments).replace("\x1frecorded", f"\x1f{end[1:]}")
        return CommandResult(0, (text + end).encode(), b"")

    def answer(self, arguments: tuple[str, ...]) -> str:
        names = {
            ("scontrol", "show", "config"): "configuration",
            ("sacct", "--helpformat"): "helpformat",
        }
        name = names.get(arguments, arguments[0])
        if any(each.startswith("--Format=") for each in arguments):
            name = "exits"
        if any(each.startswith("--format=%i") for each in arguments):
            return NO_JOBS
        text = self.recorded(name)
        return text if self.accounting else text.replace("accounting_storage/slurmdbd", "accounting_storage/none")

    def open(self, **options: object) -> SlurmScheduler:
        transport = MemoryTransport()
        transport.run = self.run  # type: ignore[method-assign]
        return SlurmScheduler.open(SITE, {"account": "sfgate", "accounting_lag_seconds": 0, **options}, transport)
