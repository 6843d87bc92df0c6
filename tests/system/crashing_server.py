"""`sfapi serve` that kills itself (SIGKILL) at its N-th commit point: `crashing_server.py N --config FILE …`.

A commit point is the moment just before or just after a commit to the database. N = 0 never kills.
"""

import itertools
import os
import signal
import sys
from functools import partial

from superfacility.adapters.sql import Database
from superfacility.cli.main import main


def kill_at(number: int) -> None:
    points = itertools.count(1)

    def at_commit(_point: str) -> None:
        if next(points) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.open = partial(Database.open, on_commit=at_commit)  # type: ignore[method-assign]


if __name__ == "__main__":
    kill_at(int(sys.argv[1]))
    sys.argv = ["sfapi", "serve", *sys.argv[2:]]
    main()
