"""Certificates signed outside this process: by a key in an ssh-agent, or by a program of the site's."""

import asyncio
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from superfacility.adapters.ssh.credentials.authority import SKEW, CertificateRequest, Purpose
from superfacility.facility.errors import InvalidInput, Unavailable

_SECONDS = 10.0
_LARGEST = 64 * 1024
_PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


class CommandSigner:
    """Runs `command PRINCIPAL SECONDS KEY_ID SOURCE_ADDRESSES` with the public key on its standard input.

    What it is for, `login` or `jump`, is in the variable SFAPI_PURPOSE.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)

    async def sign(self, request: CertificateRequest) -> str:
        arguments = [request.account, str(request.seconds), request.key_id, ",".join(request.source_address)]
        environment = {**_PATH, "SFAPI_PURPOSE": request.purpose.value}
        return await _answer("ca_command", [*self._command, *arguments], request.public_key + "\n", environment)


class AgentSigner:
    """Lets `ssh-keygen -U` sign: the CA's private key never leaves its agent (or the token behind it)."""

    def __init__(self, agent: Path, public_key: Path) -> None:
        if not public_key.is_file():
            raise InvalidInput(f"ca_agent_key: there is no file {public_key}; it holds the CA's public key.")
        self._agent = agent
        self._public_key = public_key

    async def sign(self, request: CertificateRequest) -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "key.pub"
            file.write_text(request.public_key + "\n")
            await _answer("ca_agent", self._arguments(request, file), "", {**_PATH, "SSH_AUTH_SOCK": str(self._agent)})
            return (Path(folder) / "key-cert.pub").read_text()

    def _arguments(self, request: CertificateRequest, file: Path) -> list[str]:
        options = ["clear"]
        if request.purpose is Purpose.JUMP:
            options.append("permit-port-forwarding")
        if request.source_address:
            options.append(f"source-address={','.join(request.source_address)}")
        return [
            "ssh-keygen", "-q", "-U", "-s", str(self._public_key), "-I", request.key_id, "-n", request.account,
            "-V", f"-{SKEW}s:+{request.seconds - SKEW}s", "-z", str(secrets.randbits(63)),
            *(word for option in options for word in ("-O", option)), str(file),
        ]  # fmt: skip


async def _answer(option: str, command: Sequence[str], stdin: str, environment: Mapping[str, str]) -> str:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environment)
        )
    except OSError as error:
        raise _failed(option, f"{command[0]}: {error.strerror}") from None
    try:
        async with asyncio.timeout(_SECONDS):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError:
        raise _failed(option, f"no answer within {_SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise _failed(option, err.decode(errors="replace").strip()[-500:] or f"exit code {process.returncode}")
    return out[:_LARGEST].decode(errors="replace")


def _failed(option: str, words: str) -> Unavailable:
    return Unavailable(
        f"No certificate to act as you could be signed ({option}: {words}). The operator must see to it.",
        retry_after=30,
    )
