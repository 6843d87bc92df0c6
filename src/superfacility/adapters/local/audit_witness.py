"""What this host remembers of the audit chain: a file beside the database, not in it."""

import os
from pathlib import Path

import structlog

from superfacility.facility.audit.chain import Seal

_log = structlog.get_logger(__name__)


class FileWitness:
    """`Witness` in one file of the state folder, replaced whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self) -> Seal | None:
        try:
            return Seal.read(self._path.read_text("ascii"))
        except FileNotFoundError:
            return None
        except ValueError:
            _log.warning("the file of the last audit seal cannot be read; it is written anew", path=str(self._path))
            return None

    def remember(self, seal: Seal) -> None:
        temporary = self._path.with_name(f".{self._path.name}-{os.getpid()}")
        temporary.write_text(f"{seal}\n", "ascii")
        temporary.chmod(0o600)
        temporary.replace(self._path)
