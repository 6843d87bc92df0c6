"""The queue and its journal together: the one way to change what the scheduler remembers."""

import errno
import os
from pathlib import Path

from superfacility.adapters.embedded.daemon.journal import Journal
from superfacility.adapters.embedded.daemon.queue import Change, Queue
from superfacility.adapters.embedded.protocol import Problem

_SLACK = 2000
"""Journal lines beyond twice the remembered submissions that are worth a rewrite."""


class Ledger:
    """Opens by replaying the journal."""

    def __init__(self, path: Path, max_jobs: int) -> None:
        self.queue = Queue(max_jobs)
        self._journal = Journal(path)
        for entry in self._journal.replay():
            self.queue.apply(Change.from_entry(entry))

    def commit(self, change: Change) -> None:
        """Durable, then visible. `Problem` if the disk does not take it: then nothing has happened."""
        try:
            self._journal.append(change.to_entry())
        except OSError as error:
            reason = os.strerror(error.errno or errno.EIO)
            raise Problem("unavailable", f"Unable to write the state file: {reason}") from error
        self.queue.apply(change)
        self._compact()

    def _compact(self) -> None:
        """A rewrite that fails leaves the old journal, which is as good."""
        if self._journal.entries < 2 * len(self.queue.submissions) + _SLACK:
            return
        try:
            self._journal.rewrite(change.to_entry() for change in self.queue.snapshot())
        except OSError:
            return

    def close(self) -> None:
        self._journal.close()
