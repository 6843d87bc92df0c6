"""The file that holds a client's private key, in the two layouts that `sfapi_client` reads."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.client_keys import public_key
from superfacility.oauth.keys import private_pem

_MODE = 0o600  # sfapi_client refuses any other


def key_text(path: Path, client_id: str, private: Mapping[str, Any]) -> str:
    """JSON with `client_id` and `secret` for `.json`; otherwise PEM with the id as its first line."""
    if path.suffix == ".json":
        return json.dumps({"client_id": client_id, "secret": dict(private)}, indent=2) + "\n"
    return f"{client_id}\n{private_pem(private)}"


def read_public_key(path: Path) -> Mapping[str, Any]:
    """A public JWK, from a file with it or with PEM; `InvalidInput` for anything else."""
    try:
        return public_key(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise InvalidInput(f"{path} cannot be read as a public key: {problem}") from None
    except InvalidInput as problem:
        raise InvalidInput(f"{path}: {problem}") from None


@contextmanager
def new_key_file(path: Path) -> Iterator[IO[str]]:
    """A new private file, synced when the block ends; what fails inside takes the file away again."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE)
    except OSError as problem:
        raise InvalidInput(f"Cannot make {path}: {problem.strerror}. Choose another --out.") from problem
    try:
        with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
            os.fchmod(file.fileno(), _MODE)
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
