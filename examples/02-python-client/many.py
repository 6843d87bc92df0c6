"""Several jobs at once, each followed while it runs: the same calls, with an event loop.

python many.py [FACILITY] [SYSTEM]
"""

import asyncio
import sys
from pathlib import Path

from batch import batch_script

from superfacility.client import AsyncConnection

HERE = Path(__file__).parent
DISTANCES = (20, 40, 80)


async def one(hpc: AsyncConnection, system: str, folder: str, distance: float) -> Path:
    """From the script to the picture; what the job prints is shown as it comes."""
    script, name = batch_script(folder, distance)
    job_id = await hpc.submit(system, script)
    async for printed in hpc.follow_output(system, job_id):
        for line in printed.data.decode().splitlines():
            print(f"  {name}: {line}")
    (ended,) = await hpc.wait_for_job(system, job_id)
    if not ended.succeeded:
        raise RuntimeError(f"job {job_id} ended as {ended.state}")
    picture = Path(f"{name}.png")
    await hpc.download(system, f"{folder}/{name}.png", picture)
    return picture


async def main(facility: str | None = None, system: str | None = None) -> list[Path]:
    async with AsyncConnection(facility) as hpc:
        system = system or await hpc.only_system()
        folder = (await hpc.run(system, 'mkdir -p "$HOME/waves" && printf %s "$HOME/waves"')).output
        await hpc.upload(HERE / "interference.py", system, f"{folder}/interference.py")
        pictures = await asyncio.gather(*(one(hpc, system, folder, distance) for distance in DISTANCES))
        print("made", *pictures)
        return pictures


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
