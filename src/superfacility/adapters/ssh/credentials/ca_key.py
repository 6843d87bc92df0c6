"""The gateway's own CA: its key lies in a file that nobody else can read."""

import secrets
from pathlib import Path

import asyncssh

from superfacility.adapters.ssh.credentials.authority import SKEW, CertificateRequest, Purpose
from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput
from superfacility.facility.secret_files import read_secret


def read_key(path: Path, option: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(read_secret(path, option))
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as problem:
        raise InvalidInput(
            f"{option}: {path} is not a private key without a passphrase ({problem}); make one with: "
            f"ssh-keygen -t ed25519 -N '' -f {path}"
        ) from None


class CaKey:
    """Signs in this process."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._key = read_key(path, "ca_key")
        self._clock = clock

    async def sign(self, request: CertificateRequest) -> str:
        begin = int(self._clock.now().timestamp()) - SKEW
        certificate = self._key.generate_user_certificate(
            asyncssh.import_public_key(request.public_key),
            request.key_id,
            serial=secrets.randbits(63),
            principals=[request.account],
            valid_after=begin,
            valid_before=begin + request.seconds,
            source_address=request.source_address or None,
            permit_x11_forwarding=False,
            permit_agent_forwarding=False,
            permit_port_forwarding=request.purpose is Purpose.JUMP,
            permit_pty=False,
            permit_user_rc=False,
        )
        return certificate.export_certificate("openssh").decode()
