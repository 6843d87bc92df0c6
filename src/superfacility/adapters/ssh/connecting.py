"""Opens one SSH connection as an account, by way of the jump hosts, and says in words why it could not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncssh

from superfacility.adapters.ssh.breaker import Unreachable
from superfacility.adapters.ssh.credentials import Credentials, Purpose, SignIn, own_addresses
from superfacility.adapters.ssh.options import Hop, Options
from superfacility.facility.errors import InvalidInput, NotPermitted

_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")
"""The first is the fastest by half."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection, those it goes through, and how long what signed in stays valid (seconds; None: for ever)."""

    ssh: asyncssh.SSHClientConnection
    through: Sequence[asyncssh.SSHClientConnection]
    seconds: float | None


class Connector:
    """Knows the way to one system."""

    def __init__(self, options: Options, credentials: Credentials) -> None:
        self._options = options
        self._credentials = credentials
        self._host_keys = _host_keys(options)
        asyncssh.set_log_level("WARNING")  # it tells of every channel else

    async def open(self, account: str) -> Opened:
        """`Unavailable` when the machine does not answer, `NotPermitted` when it does not let the account in."""
        through: list[asyncssh.SSHClientConnection] = []
        seconds: list[float] = []
        try:
            for hop in self._options.way:
                purpose = Purpose.JUMP if len(through) < len(self._options.jump) else Purpose.LOGIN
                name = hop.account or account
                good_from = await self._good_from(hop, first=not through)
                sign_in = await self._credentials.sign_in(name, purpose, good_from)
                if sign_in.seconds is not None:
                    seconds.append(sign_in.seconds)
                through.append(await self._connect(hop, name, sign_in, through[-1] if through else None))
        except BaseException:
            for each in reversed(through):
                each.abort()
            raise
        return Opened(through[-1], through[:-1], min(seconds, default=None))

    async def _good_from(self, hop: Hop, *, first: bool) -> tuple[str, ...]:
        """Behind a jump host only the operator knows which address of it the next machine sees."""
        if self._options.source_address is not None:
            return self._options.source_address
        if not first or self._options.user_keys is not None:
            return ()
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                return await own_addresses(hop.host, hop.port)
        except OSError as problem:
            raise _out_of_reach(hop, problem) from None

    async def _connect(
        self, hop: Hop, account: str, sign_in: SignIn, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                return await asyncssh.connect(
                    hop.host,
                    hop.port,
                    username=account,
                    client_keys=list(sign_in.keys) or None,
                    tunnel=tunnel,
                    **self._settings(),
                )
        except TimeoutError:
            raise Unreachable(f"{hop.host} does not answer: no connection within {self._timeout}.") from None
        except asyncssh.PermissionDenied:
            raise _not_let_in(hop, account, sign_in.source_address) from None
        except asyncssh.HostKeyNotVerifiable:
            raise _changed(hop.host) from None
        except asyncssh.ChannelOpenError as problem:
            raise _no_way(hop, problem.reason) from None
        except (OSError, asyncssh.Error) as problem:
            raise _out_of_reach(hop, problem) from None

    @property
    def _timeout(self) -> str:
        return f"{self._options.connect_timeout:g} s"

    def _settings(self) -> dict[str, Any]:
        """Nothing of the service's own account: no configuration, agent or key of its own; and no forwarding."""
        return {
            "config": None,
            "agent_path": None,
            "agent_forwarding": False,
            "known_hosts": self._host_keys,
            "x509_trusted_certs": None,
            "preferred_auth": "publickey",
            "gss_host": None,
            "encryption_algs": list(_CIPHERS),
            "compression_algs": None,
            "keepalive_interval": 15,
            "keepalive_count_max": 2,
        }

    async def greet(self) -> None:
        """`Unavailable` unless the first machine on the way says the first words of SSH. Nobody signs in."""
        hop = self._options.way[0]
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                reader, writer = await asyncio.open_connection(hop.host, hop.port)
                try:
                    said = await reader.read(255)
                finally:
                    writer.close()
        except TimeoutError:
            raise Unreachable(f"{hop.host} does not answer: no word within {self._timeout}.") from None
        except OSError as problem:
            raise _out_of_reach(hop, problem) from None
        if not said.startswith(b"SSH-2.0-"):
            raise Unreachable(f"{hop.host} does not speak SSH on port {hop.port}.")


def _host_keys(options: Options) -> Any:
    """As AsyncSSH takes it: a file of known hosts, or lists of trusted keys, CA keys and revoked keys."""
    if options.known_hosts is not None:
        if not options.known_hosts.is_file():
            raise InvalidInput(
                f"known_hosts: there is no file {options.known_hosts}; ssh-keyscan prints what belongs in."
            )
        return str(options.known_hosts)
    try:
        return ([], [asyncssh.read_public_key(str(options.host_ca))], [])
    except (OSError, asyncssh.KeyImportError) as problem:
        raise InvalidInput(f"host_ca: {options.host_ca} is not a public key: {problem}.") from None


def _out_of_reach(hop: Hop, problem: Exception) -> Unreachable:
    reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return Unreachable(f"{hop.host} cannot be reached: {reason}.")


def _not_let_in(hop: Hop, account: str, good_from: Sequence[str]) -> NotPermitted:
    words = (
        f"{hop.host} does not let this service act as {account}. The operator must see that the account exists there "
        "and that sshd trusts what the service signs in with (TrustedUserCAKeys, or an authorized key)"
    )
    if good_from:
        words += (
            f", and that it sees this service at {', '.join(good_from)}: if it sees another address, as behind NAT, "
            "that one belongs into source_address"
        )
    return NotPermitted(f"{words}.")


def _no_way(hop: Hop, reason: str) -> Unreachable:
    return Unreachable(
        f"{hop.host} cannot be reached through the jump host before it: {reason}. The operator must see that port "
        f"{hop.port} answers there, and that sshd of the jump host forwards ports (AllowTcpForwarding, PermitOpen)."
    )


def _changed(host: str) -> Unreachable:
    return Unreachable(
        f"{host} shows another host key than the one that is trusted, so nothing was sent: it was installed anew, or "
        "somebody is in between. The operator must ask the site for its key and correct known_hosts (or host_ca).",
        retry_after=60,
    )
