"""Static key files, for one person who runs the gateway for themselves."""

import asyncio
from pathlib import Path

import asyncssh

from superfacility.adapters.ssh.credentials.authority import Purpose, SignIn
from superfacility.adapters.ssh.credentials.ca_key import read_key
from superfacility.facility.errors import InvalidInput, NotPermitted


class UserKeys:
    """A template of a path: `{user}` is the account. A certificate beside the key (`-cert.pub`) is used too."""

    def __init__(self, template: str) -> None:
        self._template = template

    async def sign_in(self, account: str, purpose: Purpose, source_address: tuple[str, ...]) -> SignIn:
        return await asyncio.to_thread(self._read, account)

    def _read(self, account: str) -> SignIn:
        path = Path(self._template.replace("{user}", account))
        try:
            key = read_key(path, "user_keys")
        except InvalidInput as problem:
            raise NotPermitted(f"There is no key to act as {account}. {problem}") from None
        certificate = path.with_name(path.name + "-cert.pub")
        if certificate.is_file():
            return SignIn(asyncssh.load_keypairs([(key, asyncssh.read_certificate(certificate))]), None)
        return SignIn(asyncssh.load_keypairs([key]), None)
