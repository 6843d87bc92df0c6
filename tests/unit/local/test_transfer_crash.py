"""A transfer that is killed at any moment ends when it is started again, and shows whole files only."""

import asyncio
import hashlib
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

PROGRAM = """
import asyncio, sys
from pathlib import Path
from superfacility.adapters.local import open_transfer_agent, open_transport
from superfacility.facility.people import User
from superfacility.facility.site import Site
from superfacility.facility.transfers import Endpoint, TransferRequest

home, source, target = sys.argv[1:]
place = Endpoint("dtn", open_transport(Site("here", lambda user: home, (home,), Path(home), Path(home)), {}))

async def tell(progress):
    print(progress.files_done, flush=True)

request = TransferRequest(place, source, place, target)
asyncio.run(open_transfer_agent({}).copy(User(uid=1, name="demo1"), request, lambda target: None, tell))
"""


async def run_until(arguments: list[str], files: int, delay: float) -> int:
    """Kills the program a moment after it told of so many files; returns its exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for line in process.stdout:
            if int(line) >= files:
                await asyncio.sleep(delay)
                break
        if process.returncode is None and files < 100:
            process.send_signal(signal.SIGKILL)
        return await process.wait()


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("[!.]*"))}


async def test_a_transfer_survives_being_killed_again_and_again(local: Any) -> None:
    source, target = local.home / "raw", local.home / "copy"
    source.mkdir()
    for number in range(12):
        (source / f"scan {number}").write_bytes(os.urandom(1_500_000 + number))
    expected, generator = digests(source), random.Random(7)
    arguments = [str(local.home), str(source), str(target)]
    killed = 0
    for round_number in range(6):
        code = await run_until(arguments, generator.randrange(0, 12), generator.random() * 0.02)
        killed += code == -signal.SIGKILL
        found = digests(target) if target.exists() else {}
        assert found.items() <= expected.items(), round_number
    assert killed
    assert await run_until(arguments, 1000, 0) == 0
    assert digests(target) == expected
    assert sorted(path.name for path in target.iterdir()) == sorted(expected)
