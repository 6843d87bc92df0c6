"""`sfapi serve` that kills itself (SIGKILL) at its N-th commit point, as often as asked: `crashing_server.py ARG…`.

For each line with a number N on standard input a server is started with the arguments; it is forked from this process,
which has loaded everything, so that a hundred starts take little time. A commit point is the moment just before or
just after a commit to the database; N = 0 never kills. It prints `child PID`, what the server prints, and at its end
`ended`.
"""

import importlib
import itertools
import os
import signal
import sys
from functools import partial

from superfacility.adapters.sql import open_database
from superfacility.bootstrap import stores
from superfacility.cli.main import main

importlib.import_module("superfacility.cli.serve")
importlib.import_module("superfacility.app")


def kill_at(number: int) -> None:
    points = itertools.count(1)

    def at_commit(_point: str) -> None:
        if next(points) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    stores.open_database = partial(open_database, on_commit=at_commit)


def serve(number: int) -> None:
    kill_at(number)
    sys.argv = ["sfapi", "serve", *sys.argv[1:]]
    main()


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            serve(int(line))
            os._exit(0)
        print(f"child {child}", flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)
