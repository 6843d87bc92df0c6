"""How much of an answer is kept, and whose."""

import pytest

from superfacility.adapters.slurm.options import read_options
from superfacility.adapters.slurm.programs import Programs
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.people import User, UserName


class Limits:
    """A transport that notes how much each account may say."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    async def run(self, user: User, command: Command, on_output: object = None) -> CommandResult:
        self.of[user.name] = command.output_limit
        return CommandResult(0, b"", b"")


async def test_only_the_reader_may_say_very_much() -> None:
    """Somebody's own account can answer without an end, and many times at once."""
    limits = Limits()
    programs = Programs("perlmutter", limits, read_options("perlmutter", {"account": "reader"}))  # type: ignore[arg-type]
    await programs.ask(User(1, UserName("alice")), ("scontrol", "show", "job", "1"))
    await programs.ask(programs.reader, ("squeue",))
    assert limits.of == {"alice": 16 * 1024 * 1024, "reader": 256 * 1024 * 1024}


@pytest.mark.parametrize("program", ["squeue", "sacct", "scontrol", "scancel", "sacctmgr"])
@pytest.mark.parametrize("name", [None, "perlmutter"])
def test_what_lists_is_told_to_leave_out_the_rest_of_a_federation(program: str, name: str | None) -> None:
    options = {"account": "reader", "bin": "/opt/slurm/bin"} | ({} if name is None else {"clusters": name})
    programs = Programs("perlmutter", Limits(), read_options("perlmutter", options))  # type: ignore[arg-type]
    local = () if program in ("scancel", "sacctmgr") else ("--local",)
    where = local if name is None else (f"--clusters={name}",)
    assert programs.located((program, "--all")) == (f"/opt/slurm/bin/{program}", *where, "--all")
