"""The same in cells: run them one by one in Jupyter, Spyder, PyCharm or Visual Studio Code, or all of them by Python.

The connection stays open between cells; nothing in a cell waits longer than it has to.
"""

# %% Who and where
import os
from pathlib import Path

from batch import batch_script

from superfacility.client import Connection

hpc = Connection()
system = os.environ.get("SYSTEM") or hpc.only_system()
print(hpc.account().name, "at", hpc.facility.url)
for project in hpc.projects():
    print(f"  {project.name}: {project.hours_used:.1f} h used, {project.hours_left or 'no limit'} left")

# %% Bring the program there
folder = hpc.run(system, 'mkdir -p "$HOME/waves" && printf %s "$HOME/waves"').output
print(hpc.upload(Path(__file__).parent / "interference.py", system, f"{folder}/interference.py"))

# %% Submit; the key makes a cell that is run twice submit once
script, name = batch_script(folder, distance=60)
job_id = hpc.submit(system, script, idempotency_key=f"{name}-first-try-{os.getpid()}")
print("job", job_id)

# %% Look, as often as you like: this costs the scheduler nothing
print(hpc.job(system, job_id))

# %% Follow what it prints
for printed in hpc.follow_output(system, job_id):
    print(printed.data.decode(), end="")

# %% Fetch the picture; in Jupyter, IPython.display.Image(picture) shows it
(ended,) = hpc.wait_for_job(system, job_id)
assert ended.succeeded, ended
picture = Path(f"{name}.png")
print(hpc.download(system, f"{folder}/{name}.png", picture))

# %% What was asked of the facility
for task in hpc.tasks(limit=3):
    print(task.id, task.state, task.result)
hpc.close()
