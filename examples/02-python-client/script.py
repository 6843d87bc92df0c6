"""One job from a plain script: look, submit, follow, fetch.

    python script.py [FACILITY] [SYSTEM]

FACILITY is a name of ~/.superfacility/config.toml or an address; without it the default one is meant.
"""

import sys
from pathlib import Path

from batch import batch_script

from superfacility.client import Connection

HERE = Path(__file__).parent


def main(facility: str | None = None, system: str | None = None) -> Path:
    """Where the picture is in the end."""
    with Connection(facility) as hpc:
        system = system or hpc.only_system()
        state = hpc.resource(system)
        print(f"{state.full_name} is {state.state}: {state.description}")

        folder = hpc.run(system, 'mkdir -p "$HOME/waves" && printf %s "$HOME/waves"').output
        hpc.upload(HERE / "interference.py", system, f"{folder}/interference.py")

        script, name = batch_script(folder, distance=40)
        job_id = hpc.submit(system, script)
        print(f"job {job_id}")

        ended = hpc.wait_for_job(
            system, job_id, changed=lambda jobs: print(f"  {jobs[0].state} {jobs[0].reason}".rstrip())
        )
        if not all(job.succeeded for job in ended):
            sys.exit(f"It ended as {ended[0].state}:\n{hpc.job_output(system, job_id).data.decode()}")

        picture = Path(f"{name}.png")
        copied = hpc.download(system, f"{folder}/{name}.png", picture)
        print(f"{copied.target}: {copied.size} bytes, SHA-256 {copied.sha256[:12]}…")
        return picture


if __name__ == "__main__":
    main(*sys.argv[1:])
