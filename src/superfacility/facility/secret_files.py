"""Files with secrets in them: made whole or not at all, and read only while nobody else can read them."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from superfacility.facility.errors import InvalidInput

_LARGEST = 64 * 1024
KEY_LENGTH = 32


def read_secret(path: Path, setting: str) -> bytes:
    """The content of a file that belongs to this account (or root) and that others cannot read.

    `InvalidInput` names the setting and what the operator must do. What was opened is what is checked.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(f"{setting}: {path} is not a file.")
            if status.st_uid not in {os.geteuid(), 0}:
                raise InvalidInput(f"{setting}: {path} belongs to another account; run: chown {os.geteuid()} {path}")
            if status.st_mode & 0o077:
                raise InvalidInput(f"{setting}: others can read {path}; run: chmod 600 {path}")
            return file.read(_LARGEST)
    except OSError as problem:
        raise InvalidInput(f"{setting}: {path} cannot be read: {problem.strerror}.") from problem


def own_key(path: Path) -> bytes:
    """A random key of this installation; made if there is none. All hosts of an installation must have the same.

    `InvalidInput` if others can read it, or if it is cut short. Of several processes that make it together, one wins.
    """
    if not path.exists():
        _create(path)
    key = read_secret(path, "keys")
    if len(key) != KEY_LENGTH:
        raise InvalidInput(
            f"{path} does not hold {KEY_LENGTH} bytes: restore it from a backup, or delete it for a new one."
        )
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_LENGTH))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
