"""Who signs certificates for the gateway outside of it: programs, agents and key services of a site's."""

import asyncio
import json
import os
import subprocess
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import asyncssh

from superfacility.adapters.ssh.credentials import SignIn

SIGNER = """#!/bin/sh
folder=$(mktemp -d)
cat >"$folder/key.pub"
ssh-keygen -q -s {ca} -I "$3" -n {principal} -V {validity} {more} "$folder/key.pub"
cat "$folder/key-cert.pub"
rm -r "$folder"
"""


def keygen(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o700)
    return path


@asynccontextmanager
async def agent_of(ca: Path, socket: Path) -> AsyncIterator[dict[str, str]]:
    """An ssh-agent that holds the CA's key; the options to sign with it."""
    agent = await asyncio.create_subprocess_exec("ssh-agent", "-D", "-a", socket, stdout=asyncio.subprocess.DEVNULL)
    try:
        while not socket.exists():  # noqa: ASYNC110, ASYNC240 - no event tells it
            await asyncio.sleep(0.01)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        await asyncio.to_thread(subprocess.run, ["ssh-add", "-q", ca], env=environment, check=True)
        yield {"ca_agent": str(socket), "ca_agent_key": f"{ca}.pub"}
    finally:
        agent.terminate()
        await agent.wait()


@contextmanager
def key_service(answer: Any) -> Iterator[str]:
    """A site's service: `answer(request, headers) -> (status, body)`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = answer(body, self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    thread.join()
    server.server_close()


def signed(ca: Path, body: dict[str, Any], key: asyncssh.SSHKey, *, tunnel: bool = False) -> str:
    options = {f"permit_{each}": False for each in ("x11_forwarding", "agent_forwarding", "pty")}
    return (
        asyncssh.read_private_key(ca)
        .generate_user_certificate(
            key,
            body["key_id"],
            principals=[body["user"]],
            valid_after="-10s",
            valid_before="+2m",
            permit_port_forwarding=tunnel,
            **options,
        )
        .export_certificate()
        .decode()
    )


def certificate_of(sign_in: SignIn) -> asyncssh.SSHCertificate:
    line = b"ssh-ed25519-cert-v01@openssh.com " + b64encode(sign_in.keys[0].public_data)
    return asyncssh.import_certificate(line)
