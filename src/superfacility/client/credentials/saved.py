"""Tokens that outlive the program, in one file for each login, shared by all processes of a person.

A refresh token works once, so whoever refreshes holds a lock, looks again whether somebody else has done it, and writes
the new one before anything else happens.
"""

import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from superfacility.client.credentials.assertions import KeyCredentials
from superfacility.client.credentials.key_files import MODE, check_private
from superfacility.client.credentials.tokens import AccessToken, TokenEndpoint
from superfacility.client.errors import ConfigurationError, NotAuthenticated
from superfacility.client.transport.messages import Transport
from superfacility.core.clock import Clock, SystemClock

FOLDER = ".tokens"
"""Beside the keys; hidden, so that no beginning of a key's name can mean it."""


@dataclass(frozen=True, slots=True, repr=False)
class Saved:
    """What one file holds."""

    client_id: str
    access: AccessToken | None = None
    refresh_token: str | None = None


class TokenFile:
    """One file of mode 0600, replaced as a whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / FOLDER / f"{name}.json"

    def read(self) -> Saved | None:
        """None where nobody has logged in; `ConfigurationError` if others may read it."""
        try:
            check_private(self.path)
            content = json.loads(self.path.read_text("utf-8"))
            return Saved(content["client_id"], _token(content.get("access")), content.get("refresh_token"))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(f"{self.path} is damaged. Remove it and log in again: sfapi login") from None

    def write(self, saved: Saved) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.path.with_suffix(f".{os.getpid()}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(_content(saved), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else refreshes meanwhile, in this process or another."""
        descriptor = self._open_lock()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def held(self, transport: Transport) -> AsyncIterator[None]:
        """The same for programs with an event loop, which goes on while this one waits."""
        descriptor = self._open_lock()
        try:
            await transport.offload(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX))
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)


class SavedKeyCredentials:
    """A registered client whose token is shared by the programs that use its key."""

    def __init__(self, credentials: KeyCredentials, file: TokenFile, clock: Clock | None = None) -> None:
        self._credentials = credentials
        self._file = file
        self._clock = clock or SystemClock()

    @property
    def client_id(self) -> str:
        return self._credentials.key.client_id

    async def token(self, endpoint: TokenEndpoint, *, refused: str | None = None) -> str | None:
        saved = self._file.read()
        token = saved.access if saved is not None and saved.client_id == self.client_id else None
        if token is None or token.value == refused or not token.lasts(self._clock.now()):
            token = await self._credentials.fetch(endpoint)
            self._file.write(Saved(self.client_id, token))
        return token.value


class LoginCredentials:
    """A person who has logged in."""

    def __init__(self, file: TokenFile, transport: Transport, facility: str, clock: Clock | None = None) -> None:
        self._file = file
        self._transport = transport
        self._facility = facility
        self._clock = clock or SystemClock()

    async def token(self, endpoint: TokenEndpoint, *, refused: str | None = None) -> str | None:
        saved = self._file.read()
        if token := self._usable(saved, refused):
            return token
        async with self._file.held(self._transport):
            saved = self._file.read()
            if token := self._usable(saved, refused):
                return token
            if saved is None or saved.refresh_token is None:
                raise self._over("You are not logged in")
            return await self._refreshed(saved, endpoint)

    def _usable(self, saved: Saved | None, refused: str | None) -> str | None:
        token = None if saved is None else saved.access
        return token.value if token and token.value != refused and token.lasts(self._clock.now()) else None

    async def _refreshed(self, saved: Saved, endpoint: TokenEndpoint) -> str:
        assert saved.refresh_token is not None
        form = {"grant_type": "refresh_token", "refresh_token": saved.refresh_token, "client_id": saved.client_id}
        try:
            answer = await endpoint.ask(form)
        except NotAuthenticated as problem:
            raise self._over(f"Your login has ended ({str(problem).rstrip('.')})") from problem
        token = AccessToken.received(answer, self._clock)
        refresh = answer.get("refresh_token") or saved.refresh_token
        self._file.write(replace(saved, access=token, refresh_token=refresh))
        return token.value

    def _over(self, why: str) -> NotAuthenticated:
        return NotAuthenticated(f"{why}. Log in: sfapi login --facility {self._facility}")


def _content(saved: Saved) -> Mapping[str, Any]:
    access = None
    if saved.access is not None:
        expires = saved.access.expires_at
        access = {
            "value": saved.access.value,
            "received_at": saved.access.received_at.isoformat(),
            "expires_at": expires.isoformat() if expires else None,
            "scope": saved.access.scope,
        }
    return {"client_id": saved.client_id, "access": access, "refresh_token": saved.refresh_token}


def _token(content: Mapping[str, Any] | None) -> AccessToken | None:
    if content is None:
        return None
    expires = content.get("expires_at")
    return AccessToken(
        content["value"],
        datetime.fromisoformat(content["received_at"]),
        datetime.fromisoformat(expires) if expires else None,
        content.get("scope", ""),
    )
