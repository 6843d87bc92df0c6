"""Key pairs of clients, made on this machine: key files, and keys that wait until staff have approved a client."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from superfacility.client.credentials.key_files import check_private, new_private_file
from superfacility.client.environment import read_environment
from superfacility.client.errors import ConfigurationError
from superfacility.client.records.clients import ClientRequest

_WAITING = "requests"
"""The folder, below that of the person, of keys that wait."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A new key pair. `write` keeps the private half, under the id that the facility has given."""

    public: Mapping[str, Any]
    write: Callable[[str], None]


def key_path(out: str | None, name: str) -> Path:
    """As it was named; else after the client."""
    return Path(out).expanduser() if out else read_environment().home / f"{_plain(name)}.pem"


@contextmanager
def new_pair(path: Path, algorithm: str) -> Iterator[Pair]:
    """The file is made before the facility is asked, and taken away if it says no."""
    from superfacility.client.credentials.assertions import new_key_pair

    private, public, pem = new_key_pair(algorithm)
    with new_private_file(path) as file:
        yield Pair(public, lambda client_id: _write(file.write, path, client_id, private, pem))


@contextmanager
def pending_pair(path: Path, algorithm: str) -> Iterator[Pair]:
    """One whose client is to be approved: it waits in a file of its own, and knows where it will go."""
    from superfacility.client.credentials.assertions import new_key_pair

    if path.exists():
        raise ConfigurationError(f"There is {path} already. Choose another file.")
    private, public, pem = new_key_pair(algorithm)
    waiting = read_environment().home / _WAITING / f"{path.name}.json"
    with new_private_file(waiting) as file:
        kept = {"file": str(path.absolute()), "private": private, "pem": pem}
        yield Pair(public, lambda request_id: _say(file.write, json.dumps({"request": request_id, **kept})))


def collected(request: ClientRequest) -> Path:
    """Make the key file of an approved request."""
    if request.state != "approved":
        said = f": {request.reason}" if request.reason else ". See: sfapi clients requests"
        raise ConfigurationError(f"The request {request.id} is {request.state}{said}")
    waiting, kept = _waiting(request.id)
    path = Path(kept["file"])
    with new_private_file(path) as file:
        _write(file.write, path, request.client_id, kept["private"], kept["pem"])
    waiting.unlink()
    return path


def forget(request_id: str) -> None:
    """The key of a request that was withdrawn, if it was made here."""
    try:
        waiting, _ = _waiting(request_id)
    except ConfigurationError:
        return
    waiting.unlink()


def _waiting(request_id: str) -> tuple[Path, dict[str, Any]]:
    folder = read_environment().home / _WAITING
    for path in sorted(folder.glob("*.json")):
        check_private(path)
        kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if kept.get("request") == request_id:
            return path, kept
    raise ConfigurationError(
        f"No key of the request {request_id} waits in {folder}. Collect it where you have asked for it."
    )


def _write(write: Callable[[str], Any], path: Path, client_id: str, private: Any, pem: str) -> None:
    if path.suffix == ".json":
        write(json.dumps({"client_id": client_id, "secret": private}, indent=2) + "\n")
    else:
        write(f"{client_id}\n{pem}")


def _say(write: Callable[[str], Any], text: str) -> None:
    write(text + "\n")


def _plain(name: str) -> str:
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(f"{name!r} cannot name a file; say where the key shall be with --out.")
    return name
