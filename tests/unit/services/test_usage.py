"""Storage used: measured on the filesystem, remembered, and never waited for long."""

import asyncio
from datetime import timedelta

from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import Unavailable
from superfacility.facility.people import User, UserName
from superfacility.services.accounting.usage import FolderMeter, FolderUsage
from superfacility.testing.clocks import FakeClock

USER = User(1, UserName("demo1"))
MINUTES = timedelta(minutes=2)


class Disk:
    """Answers `du` with what it holds; waits while it is `slow`."""

    def __init__(self) -> None:
        self.size, self.files = 4096, 3
        self.fault: Exception | None = None
        self.slow = False
        self.go = asyncio.Event()
        self.asked: list[tuple[str, ...]] = []

    async def run(self, user: User, command: Command) -> CommandResult:
        self.asked.append(command.arguments)
        if self.slow:
            await self.go.wait()
        if self.fault is not None:
            raise self.fault
        number = self.files if "--inodes" in command.arguments else self.size
        return CommandResult(0, f"{number}\t{command.arguments[-1]}\n".encode(), b"")


async def usage(meter, disk):
    return await meter.usage(disk, USER, "/project/-m0001")


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_folder_is_measured_in_bytes_and_files() -> None:
    meter, disk = FolderMeter(FakeClock()), Disk()
    assert await usage(meter, disk) == FolderUsage(4096.0, 3.0)
    assert all(words[-2:] == ("--", "/project/-m0001") for words in disk.asked)


async def test_it_is_measured_again_after_a_while_and_nobody_waits() -> None:
    clock, disk = FakeClock(), Disk()
    meter = FolderMeter(clock)
    await usage(meter, disk)
    disk.size = 8192
    assert (await usage(meter, disk)).bytes_used == 4096
    assert len(disk.asked) == 2
    clock.advance(MINUTES)
    disk.slow = True
    assert (await usage(meter, disk)).bytes_used == 4096
    assert (await usage(meter, disk)).bytes_used == 4096
    disk.go.set()
    await settle()
    assert (await usage(meter, disk)).bytes_used == 8192
    assert len(disk.asked) == 4


async def test_a_system_that_does_not_answer_leaves_the_last_measure() -> None:
    clock, disk = FakeClock(), Disk()
    meter = FolderMeter(clock)
    await usage(meter, disk)
    clock.advance(MINUTES)
    disk.fault = Unavailable("away")
    await usage(meter, disk)
    await settle()
    assert (await usage(meter, disk)).bytes_used == 4096
    assert (await FolderMeter(clock).usage(disk, USER, "/never/measured")) == FolderUsage()
