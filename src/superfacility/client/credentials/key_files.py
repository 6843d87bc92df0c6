"""Key files, as `sfapi_client` has them: PEM after a line with the client's id, or JSON with both."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from superfacility.client.errors import ConfigurationError

MODE = 0o600
_ID_LENGTH = 13


@dataclass(frozen=True, slots=True, repr=False)
class ClientKey:
    """A client's id and its private key: PEM text, or a JWK."""

    client_id: str
    private: str | Mapping[str, Any]


def find_key_file(name: str | Path, folder: Path) -> Path:
    """A path, or the beginning of exactly one file name in the folder."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    found = [each for each in sorted(folder.glob(f"{name}*")) if each.is_file()] if _is_plain(str(name)) else []
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in found)
    why = f"several files begin with it ({names}); name one in full" if found else "there is no such file"
    raise ConfigurationError(f"No key {str(name)!r}, neither as a path nor in {folder}: {why}.")


def read_key_file(path: Path) -> ClientKey:
    """`ConfigurationError` for a file that others may read, and for one that is no key."""
    check_private(path)
    try:
        text = path.read_text("ascii").replace("\r\n", "\n")
        if path.suffix == ".json":
            content = json.loads(text)
            key = ClientKey(str(content["client_id"]).strip(), content["secret"])
        else:
            head, _, rest = text.partition("\n")
            key = ClientKey(head.strip(), rest)
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{path} is no key file: it needs the client's id before the key. {_LAYOUT}") from None
    if len(key.client_id) != _ID_LENGTH or not key.private:
        raise ConfigurationError(f"{path} does not begin with a client's id of {_ID_LENGTH} characters. {_LAYOUT}")
    return key


_LAYOUT = "Put the id on the first line and the PEM after it, or use JSON with `client_id` and `secret`."


def check_private(path: Path) -> None:
    """What proves who you are is yours alone."""
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise ConfigurationError(f"{path} belongs to somebody else. Use a file of your own.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigurationError(f"Others may read or change {path} (mode {mode:04o}). Run: chmod 600 {path}")


@contextmanager
def new_private_file(path: Path) -> Iterator[IO[str]]:
    """A new file that only its owner reads; what fails inside takes it away again."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
    except OSError as problem:
        raise ConfigurationError(f"Cannot make {path}: {problem.strerror}. Choose another file.") from problem
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            os.fchmod(file.fileno(), MODE)
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _is_plain(name: str) -> bool:
    """A name, and not a pattern or a path."""
    return bool(name) and not set(name) & set("*?[]/")
