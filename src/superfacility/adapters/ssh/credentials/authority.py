"""A fresh key and a certificate of minutes for every connection, and the rules that each certificate must keep."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import asyncssh
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from superfacility.adapters.ssh.options import LONGEST_CERTIFICATE, Options
from superfacility.core.clock import Clock
from superfacility.facility.errors import Unavailable

SKEW = 30
"""Seconds that a login node's clock may be behind ours; they are taken from the certificate's life, not added to it."""
_TUNNEL = b"permit-port-forwarding"
_FORWARDING = {b"permit-agent-forwarding", _TUNNEL, b"permit-X11-forwarding"}


class Purpose(StrEnum):
    """What somebody signs in for. The value is what whoever signs is told."""

    LOGIN = "login"
    """Commands and files on the machine itself; nothing is forwarded."""
    JUMP = "jump"
    """The way through a jump host to the next machine: ports are forwarded."""


_PLACES = {Purpose.LOGIN: "the login node", Purpose.JUMP: "a jump host"}
_RULE = (
    f"For the purpose 'jump' it must have {_TUNNEL.decode()} and no other forwarding, for 'login' none; a ca_command "
    "finds the purpose in the variable SFAPI_PURPOSE, a key_service in the field `purpose` of the request"
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What signs in as one account.

    `seconds` is how long it stays valid; None: for ever. `source_address` is where it was asked to be good from; empty:
    anywhere.
    """

    keys: Sequence[asyncssh.SSHKeyPair]
    seconds: float | None
    source_address: tuple[str, ...] = ()


class Credentials(Protocol):
    """Gives what signs in as an account. `Unavailable` when whoever signs does not."""

    async def sign_in(self, account: str, purpose: Purpose, source_address: tuple[str, ...]) -> SignIn:
        """What is good from those addresses or networks alone, if it can be bound to any; empty: from anywhere."""


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """`public_key` is a line as in an OpenSSH public key file. `seconds` includes `SKEW` seconds in the past."""

    public_key: str
    account: str
    seconds: int
    key_id: str
    source_address: tuple[str, ...]
    purpose: Purpose


class Signer(Protocol):
    """Signs user certificates; answers with a line as in an OpenSSH certificate file."""

    async def sign(self, request: CertificateRequest) -> str: ...


def request_for(
    account: str, public_key: str, options: Options, purpose: Purpose, source_address: tuple[str, ...]
) -> CertificateRequest:
    return CertificateRequest(
        public_key=public_key,
        account=account,
        seconds=options.certificate_minutes * 60,
        key_id=f"superfacility {platform.node()} for {account}",
        source_address=source_address,
        purpose=purpose,
    )


class Authority:
    """Credentials from a signer of certificates."""

    def __init__(self, signer: Signer, options: Options, clock: Clock) -> None:
        self._signer = signer
        self._options = options
        self._clock = clock

    async def sign_in(self, account: str, purpose: Purpose, source_address: tuple[str, ...]) -> SignIn:
        key = asyncssh.generate_private_key("ssh-ed25519")
        public_key = key.export_public_key("openssh").decode().strip()
        request = request_for(account, public_key, self._options, purpose, source_address)
        return certified(key, await self._signer.sign(request), request, self._clock)


def certified(key: asyncssh.SSHKey, text: str, request: CertificateRequest, clock: Clock) -> SignIn:
    """Judge a certificate, whoever made it, and pair it with its key."""
    try:
        certificate = load_ssh_public_identity(text.strip().encode())
        if not isinstance(certificate, SSHCertificate):
            raise TypeError("it is a plain public key")
        remaining = _judge(certificate, key, request, clock)
        loaded = asyncssh.import_certificate(text)
    except (ValueError, TypeError, asyncssh.KeyImportError) as problem:
        raise Unavailable(
            f"The certificate to act as {request.account} on {_PLACES[request.purpose]} is not usable: {problem}. "
            "The operator must correct what signs user certificates.",
            retry_after=60,
        ) from problem
    return SignIn(asyncssh.load_keypairs([(key, loaded)]), remaining, request.source_address)


def _judge(certificate: SSHCertificate, key: asyncssh.SSHKey, request: CertificateRequest, clock: Clock) -> float:
    now = clock.now().timestamp()
    ours = key.export_public_key("openssh").split()[:2]
    theirs = certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[:2]
    if certificate.type is not SSHCertificateType.USER:
        raise ValueError("it is not a user certificate")
    if theirs != ours:
        raise ValueError("it is for another key")
    if certificate.valid_principals != [request.account.encode()]:
        raise ValueError(f"its principals must be {request.account} alone")
    if certificate.valid_before - max(certificate.valid_after, now - SKEW) > LONGEST_CERTIFICATE * 60 + 1:
        raise ValueError(f"it is valid for more than {LONGEST_CERTIFICATE} minutes")
    if certificate.valid_before <= now:
        raise ValueError("it has expired already; compare the clocks")
    _judge_forwarding(_FORWARDING.intersection(certificate.extensions), request.purpose)
    return certificate.valid_before - now


def _judge_forwarding(permitted: set[bytes], purpose: Purpose) -> None:
    needed = {_TUNNEL} if purpose is Purpose.JUMP else set()
    if more := permitted - needed:
        words = f"it permits forwarding ({', '.join(sorted(each.decode() for each in more))})"
    elif needed - permitted:
        words = f"it does not permit what a jump host is for ({_TUNNEL.decode()})"
    else:
        return
    raise ValueError(f"{words}. {_RULE}")
