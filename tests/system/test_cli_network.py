"""A facility behind TLS and a proxy, as most are: what is trusted, what is refused, and how it is told."""

import ipaddress
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from superfacility.client import AsyncConnection
from superfacility.client.errors import ConfigurationError
from superfacility.client.facilities import Facility

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0
HERE = "127.0.0.1"
Address = tuple[str, int]


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def join(one: socket.socket, two: socket.socket) -> None:
    """Bytes go both ways until both have said all."""
    back = threading.Thread(target=pump, args=(two, one), daemon=True)
    back.start()
    pump(one, two)
    back.join(DEADLINE)
    for each in (one, two):
        each.close()


class Door:
    """Listens, and serves each caller in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server((HERE, 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._socket.accept()
                threading.Thread(target=self._one, args=(caller,), daemon=True).start()

    def _one(self, caller: socket.socket) -> None:
        with suppress(OSError):
            self._serve(caller)

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Authority:
    """A CA of a facility, and certificates by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Facility CA")])
        own = self._signed(self._name, self._key, timedelta(days=1), x509.BasicConstraints(ca=True, path_length=0))
        self.file = folder / "ca.pem"
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str, ends: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """Of a server with these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._signed(subject, key, ends, x509.SubjectAlternativeName(list(map(_general, names))))
        file = self._folder / f"{names[0]}-{ends.days}.pem"
        private = serialization.PrivateFormat.PKCS8
        file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, ends: timedelta, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=9)).not_valid_after(now + ends)
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def behind_tls(served: Any) -> Iterator[Callable[[ssl.SSLContext], int]]:
    """Ports at which the facility is to be had by TLS."""
    target, doors = (HERE, urlsplit(served.base_url).port), []

    def make(context: ssl.SSLContext) -> int:
        def serve(caller: socket.socket) -> None:
            join(context.wrap_socket(caller, server_side=True), socket.create_connection(target))

        doors.append(Door(serve))
        return doors[-1].port

    yield make
    for door in doors:
        door.close()


class Proxy:
    """Passes on to `target`, whatever is asked for; keeps what was asked, and who asked."""

    def __init__(self, target: int, password: str | None = None) -> None:
        self.asked: list[str] = []
        self._target = target
        self._wanted = f"Basic {b64encode(password.encode()).decode()}" if password else None
        self._door = Door(self._serve)
        self.port, self.close = self._door.port, self._door.close

    def _serve(self, caller: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += caller.recv(65536)
        method, address, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.asked.append(f"{method} {address}")
        who = re.search(rb"\r\nproxy-authorization: ([^\r]+)", head, re.IGNORECASE)
        if self._wanted is not None and (who is None or who.group(1).decode() != self._wanted):
            caller.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nconnection: close\r\n\r\n")
            caller.close()
            return
        there = socket.create_connection((HERE, self._target))
        if method == "CONNECT":
            caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = urlsplit(address).path
            there.sendall(head.replace(address.encode(), path.encode(), 1))
        join(caller, there)


@pytest.fixture
def new_proxy() -> Iterator[Callable[..., Proxy]]:
    made: list[Proxy] = []

    def make(target: int, password: str | None = None) -> Proxy:
        made.append(Proxy(target, password))
        return made[-1]

    yield make
    for each in made:
        each.close()


def sfapi(home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith(("SFAPI_", "SSL_")) or name.lower().endswith("_proxy"))
    }
    environment = {**clean, "SFAPI_HOME": str(home), **variables}
    return subprocess.run(
        [SFAPI, *words], capture_output=True, text=True, timeout=DEADLINE, check=False, env=environment
    )


def doctor(home: Path, address: str, **variables: str) -> dict[str, dict[str, str]]:
    found = json.loads(sfapi(home, "doctor", "--json", "--facility", address, **variables).stdout)
    return {each["name"]: each for each in found["checks"]}


def test_a_ca_of_its_own_is_refused_until_it_is_named(
    authority: Authority, behind_tls: Callable[..., int], tmp_path: Path
) -> None:
    address = f"https://{HERE}:{behind_tls(authority.context(HERE))}"
    refused = sfapi(tmp_path, "status", "--facility", address)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"The certificate of {HERE} is not trusted" in refused.stderr
    assert "SSL_CERT_FILE" in refused.stderr
    told = doctor(tmp_path, address)
    assert told["certificate"]["state"] == "problem"
    assert "login" not in told, "nothing is sent to a stranger"

    trusted = {"SSL_CERT_FILE": str(authority.file)}
    assert "perlmutter" in sfapi(tmp_path, "status", "--facility", address, **trusted).stdout
    assert doctor(tmp_path, address, **trusted)["TLS"]["state"] == "ok"
    (tmp_path / "config.toml").write_text(f'[facilities.example]\nurl = "{address}"\nca_file = "{authority.file}"\n')
    (tmp_path / "config.toml").chmod(0o600)
    assert "perlmutter" in sfapi(tmp_path, "status").stdout
    assert str(authority.file) in doctor(tmp_path, "example")["TLS"]["found"]


@pytest.mark.parametrize(
    ("names", "ends", "words"),
    [
        (("other.example",), timedelta(days=1), "It is the certificate of another host"),
        ((HERE,), timedelta(days=-1), "Is the clock of this machine right"),
    ],
)
def test_the_certificate_of_another_host_or_another_time_is_refused(
    names: tuple[str, ...],
    ends: timedelta,
    words: str,
    authority: Authority,
    behind_tls: Callable[..., int],
    tmp_path: Path,
) -> None:
    address = f"https://{HERE}:{behind_tls(authority.context(*names, ends=ends))}"
    refused = sfapi(tmp_path, "status", "--facility", address, SSL_CERT_FILE=str(authority.file))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert words in refused.stderr


async def test_both_connections_trust_and_refuse_the_same(authority: Authority, behind_tls: Callable[..., int]) -> None:
    good, bad = (f"https://{HERE}:{behind_tls(authority.context(name))}" for name in (HERE, "other.example"))
    async with AsyncConnection(Facility("good", good, ca_file=str(authority.file)), token="x") as facility:
        assert await facility.resources()
    for address, ca_file, words in ((good, None, "SSL_CERT_FILE"), (bad, str(authority.file), "another host")):
        async with AsyncConnection(Facility("bad", address, ca_file=ca_file), token="x") as facility:
            with pytest.raises(ConfigurationError, match=words):
                await facility.resources()


def test_a_proxy_is_used_and_left_out_as_the_environment_says(
    authority: Authority, behind_tls: Callable[..., int], new_proxy: Callable[..., Proxy], tmp_path: Path
) -> None:
    port = behind_tls(authority.context("api.facility.example", HERE))
    proxy = new_proxy(port, "demo:it's a secret")
    trusted = {"SSL_CERT_FILE": str(authority.file)}
    known = {**trusted, "HTTPS_PROXY": f"http://demo:it%27s%20a%20secret@{HERE}:{proxy.port}"}
    shown = sfapi(tmp_path, "status", "--facility", "https://api.facility.example", **known)
    assert "perlmutter" in shown.stdout, shown.stderr
    assert proxy.asked == ["CONNECT api.facility.example:443"]
    told = doctor(tmp_path, "https://api.facility.example", **known)
    assert f"{HERE}:{proxy.port}" in told["proxy"]["found"]
    assert "secret" not in json.dumps(told)

    here, asked = f"https://{HERE}:{port}", len(proxy.asked)
    assert "perlmutter" in sfapi(tmp_path, "status", "--facility", here, **known, NO_PROXY=HERE).stdout
    assert len(proxy.asked) == asked

    stranger = {**trusted, "https_proxy": f"{HERE}:{proxy.port}"}
    refused = sfapi(tmp_path, "status", "--facility", "https://api.facility.example", **stranger)
    assert refused.returncode == 5
    assert "407" in refused.stderr
    assert f"through the proxy {HERE}:{proxy.port}" in refused.stderr


def test_a_proxy_is_used_without_tls_too(new_proxy: Callable[..., Proxy], served: Any, tmp_path: Path) -> None:
    proxy = new_proxy(urlsplit(served.base_url).port, "demo:secret")
    through = {"http_proxy": f"http://demo:secret@{HERE}:{proxy.port}"}
    shown = sfapi(tmp_path, "status", "--facility", "http://api.facility.example", **through)
    assert "perlmutter" in shown.stdout, shown.stderr
    assert proxy.asked == ["GET http://api.facility.example/api/v1.2/status"]
    found = doctor(tmp_path, "http://api.facility.example", **through)
    assert found["TLS"]["state"] == "problem"
