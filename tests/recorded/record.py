"""Records what a real Slurm prints, for the tests of the parsers: `python tests/recorded/record.py STATE`.

STATE is the folder of a cluster that `deploy/test-cluster/up.sh` or `suite.sh` has started. Submits jobs of every kind,
waits for their ends, and writes each program's whole answer to `tests/recorded/VERSION/`. Needs root.
"""

import re
import socket
import sys
import time
from pathlib import Path

from superfacility.adapters.slurm.reading.accounting import sacct_arguments, sacct_fields
from superfacility.adapters.slurm.reading.queue import squeue_arguments
from superfacility.adapters.slurm.reading.remembered import exit_arguments
from superfacility.adapters.slurm.reading.tables import Marks
from superfacility.adapters.slurm.reading.times import TIME_FORMAT
from superfacility.testing.clusters import SlurmCluster

MARKS = Marks("recorded")
READABLE = ("env", f"SLURM_TIME_FORMAT={TIME_FORMAT}", "SLURM_BITSTR_LEN=0")
FAILS = "#!/bin/sh\nexit 3\n"
KILLED = "#!/bin/sh\nkill -9 $$\n"
SLEEPS = "#!/bin/sh\nsleep 600\n"
HETEROGENEOUS = "#!/bin/sh\n#SBATCH -n1 --hold\n#SBATCH hetjob\n#SBATCH -n1\nsleep 600\n"
HOSTILE = "a|b'c\"\x1fd\ne"
SETTINGS = "^(Configuration|AccountingStorageType|ClusterName|MinJobAge|SLURM_VERSION)"
CARRIER = "/tmp/sfapi.00000000-0000-4000-8000-000000000000.7"


class Recorder:
    def __init__(self, cluster: SlurmCluster) -> None:
        self.cluster = cluster
        self.folder = Path(__file__).parent / cluster.slurm_version
        self.folder.mkdir(exist_ok=True)

    def keep(self, name: str, *command: str, only: str = "") -> str:
        """The answer, or its lines that match."""
        done = self.cluster.root(*command)
        said = done.stderr or done.stdout
        if only:
            said = "".join(line for line in said.splitlines(keepends=True) if re.match(only, line))
        (self.folder / f"{name}.txt").write_text(self.anonymous(said))
        return said

    def anonymous(self, text: str) -> str:
        """Without what is this machine's own."""
        text = text.replace(str(self.cluster.state), "/cluster").replace(socket.gethostname(), "login")
        return re.sub(r"OS=.*?  RealMemory", "OS=Linux  RealMemory", text)

    def submit(self, script: str, *options: str) -> str:
        done = self.cluster.as_user("alice", "sbatch", "--parsable", *options, stdin=script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def jobs(self) -> dict[str, str]:
        failed = self.submit(FAILS, "--job-name", HOSTILE, "--comment", HOSTILE)
        killed = self.submit(KILLED)
        running = self.submit(SLEEPS)
        cancelled = self.submit(SLEEPS, "--hold")
        self.submit(SLEEPS, "--hold", "--array=1-3,7%2", "--job-name", "waiting array")
        self.submit(FAILS, "--array=0-1")
        self.submit(SLEEPS, f"--dependency=afterok:{failed}")
        self.submit(HETEROGENEOUS)
        self.cluster.as_user("alice", "sh", "-c", f"ln -sfn / {CARRIER}")
        script = self.cluster.home("alice") / "recorded.sh"
        script.write_text(SLEEPS)
        self.submit("", "--hold", f"{CARRIER}{script}", "one", "two words")
        self.cluster.as_user("alice", "rm", CARRIER)
        self.cluster.as_user("alice", "scancel", cancelled)
        for job in (failed, killed):
            self.cluster.wait_until_ended(job)
        return {"failed": failed, "running": running, "cancelled": cancelled}

    def record(self) -> None:
        made = self.jobs()
        time.sleep(5)  # until accounting's lists have all of them
        known = self.keep("helpformat", "sacct", "--helpformat").lower().split()
        fields = list(sacct_fields(known).values())
        self.keep("squeue", *READABLE, *squeue_arguments(MARKS, "--states=all"))
        self.keep("exits", *exit_arguments())
        self.keep("sacct", *READABLE, *sacct_arguments(MARKS, fields, "--allusers"))
        self.keep("configuration", "scontrol", "show", "config", only=SETTINGS)
        self.keep("nodes", "scontrol", "--all", "--oneliner", "show", "node")
        self.keep("partitions", "scontrol", "--all", "--oneliner", "show", "partition")
        self.keep("job", "env", "TZ=UTC0", "scontrol", "show", "job", made["running"])
        self.refusals(made)
        self.reservations()
        self.cluster.root("scancel", "--user=" + self.cluster.users["alice"].name)

    def refusals(self, made: dict[str, str]) -> None:
        self.keep("cancel-unknown", "scancel", "--verbose", "60000000")
        self.keep("cancel-ended", "scancel", "--verbose", made["failed"])
        self.keep("hold-unknown", "scontrol", "hold", "60000000")
        self.keep("squeue-unknown", "squeue", "--jobs=60000000")
        self.keep("qos-unknown", "scontrol", "update", f"JobId={made['running']}", "QOS=nothing")

    def reservations(self) -> None:
        name = "ReservationName=recorded"
        when = ("StartTime=now+1hour", "Duration=60", "NodeCnt=1", "Users=root")
        self.cluster.root("scontrol", "create", "reservation", name, *when)
        self.keep("reservations", "env", "TZ=UTC0", "scontrol", "--oneliner", "show", "reservation")
        self.keep("reservation-taken", "scontrol", "create", "reservation", name, *when)
        self.cluster.root("scontrol", "delete", name)
        self.keep("no-reservations", "scontrol", "--oneliner", "show", "reservation")
        self.keep("reservation-unknown", "scontrol", "delete", name)


if __name__ == "__main__":
    Recorder(SlurmCluster.read(Path(sys.argv[1]))).record()
