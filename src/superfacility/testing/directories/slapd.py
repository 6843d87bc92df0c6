"""A real slapd for one test run: a folder of its own, two loopback ports (StartTLS, and TLS), ended by its pid."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from superfacility.core.clock import SystemClock
from superfacility.testing.processes import is_process, wait_for_end
from superfacility.testing.reserved import reserved_port

BASE = "dc=example,dc=org"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
ROOT, ROOT_PASSWORD = f"cn=admin,{BASE}", "of a test"
READER, LIMITED, SECRET = f"cn=reader,{BASE}", f"cn=limited,{BASE}", "reads, and never writes"
_PROGRAM = "/usr/sbin/slapd"
_PATIENCE = 120.0
_SCHEMAS = Path("/etc/ldap/schema")
_CONFIGURATION = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/nis.schema
include {schemas}/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/pid
argsfile {folder}/args
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
TLSVerifyClient never
sizelimit 10000
database mdb
suffix "{base}"
rootdn "{root}"
rootpw "{password}"
directory {folder}/data
maxsize 104857600
dbnosync
overlay ppolicy
limits dn.exact="{limited}" size.soft=5 size.hard=5 size.prtotal=5
limits dn.exact="{reader}" size=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by dn.exact="{limited}" read by anonymous auth by * none
"""
_FIRST = f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {SECRET}

dn: {LIMITED}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: limited
userPassword: {SECRET}
"""


@dataclass
class Slapd:
    """A running server. `other_ca` signs nothing here."""

    folder: Path
    port: int
    tls_port: int

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def other_ca(self) -> Path:
        return self.folder / "other.pem"

    @property
    def password_file(self) -> Path:
        return self.folder / "reader.password"

    @property
    def options(self) -> dict[str, object]:
        """What `directory.source` needs to read it, over TLS."""
        return {
            "urls": [f"ldaps://127.0.0.1:{self.tls_port}"],
            "ca_file": str(self.ca_file),
            "bind_dn": READER,
            "password_file": str(self.password_file),
            "user_base": PEOPLE,
            "group_base": GROUPS,
        }

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def add(self, ldif: str) -> None:
        self._program("ldapadd", ldif)

    def modify(self, ldif: str) -> None:
        self._program("ldapmodify", ldif)

    def delete(self, *dns: str) -> None:
        self._program("ldapdelete", "\n".join(dns) + "\n")

    def add_person(self, name: str, number: int, *, password: str = "", more: str = "") -> None:
        secret = f"userPassword: {password}\n" if password else ""
        self.add(
            f"dn: uid={name},{PEOPLE}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\n"
            f"objectClass: shadowAccount\nuid: {name}\ncn: {name}\nsn: Doe\ngivenName: {name.capitalize()}\n"
            f"mail: {name}@example.org\nuidNumber: {number}\ngidNumber: 100\nhomeDirectory: /home/{name}\n"
            f"{secret}{more}"
        )

    def add_group(self, name: str, number: int, *members: str) -> None:
        names = "".join(f"memberUid: {member}\n" for member in members)
        self.add(f"dn: cn={name},{GROUPS}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {number}\n{names}")

    def empty(self) -> None:
        """Nobody is there any more."""
        for base in (PEOPLE, GROUPS):
            found = self._program(
                "ldapsearch", "", "-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", "one", "-E", "pr=1000/noprompt", "1.1"
            )
            if dns := [line for line in found.splitlines() if line.startswith("dn:")]:
                self.modify("".join(f"{dn}\nchangetype: delete\n\n" for dn in dns))

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        pid = self.pid
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid, "slapd", _PATIENCE)

    def start(self) -> None:
        addresses = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        with (self.folder / "log").open("ab") as log:
            server = subprocess.Popen(
                [_PROGRAM, "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", addresses],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + _PATIENCE
        while not self._answers():
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"slapd did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)
        server.returncode = 0  # it is ended by its pid, perhaps by somebody else

    def is_up(self) -> bool:
        try:
            return is_process(self.pid, "slapd")
        except (FileNotFoundError, ValueError):
            return False

    def _answers(self) -> bool:
        try:
            self._program("ldapwhoami", "")
        except RuntimeError:
            return False
        return self.is_up()

    def _program(self, name: str, text: str, *more: str) -> str:
        login = ("-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", ROOT, "-w", ROOT_PASSWORD)
        done = subprocess.run([name, *login, *more], input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}\n{text}")
        return done.stdout


def have_slapd() -> bool:
    return Path(_PROGRAM).exists() and shutil.which("ldapadd") is not None and _SCHEMAS.is_dir()


@contextmanager
def running(folder: Path) -> Iterator[Slapd]:
    """A new server in a new folder, with two empty branches, and accounts that read them."""
    (folder / "data").mkdir(parents=True)
    _certificates(folder)
    with reserved_port() as port, reserved_port() as tls_port:
        server = Slapd(folder, port, tls_port)
        _configure(server)
        server.start()
        try:
            server.add(_FIRST)
            yield server
        finally:
            if server.is_up():
                server.stop()


def _configure(server: Slapd) -> None:
    server.password_file.write_text(f"{SECRET}\n")
    server.password_file.chmod(0o600)
    (server.folder / "slapd.conf").write_text(
        _CONFIGURATION.format(
            folder=server.folder, schemas=_SCHEMAS, base=BASE, root=ROOT, password=ROOT_PASSWORD, limited=LIMITED,
            reader=READER,
        )
    )  # fmt: skip


def _certificates(folder: Path) -> None:
    """A CA, a server's certificate for 127.0.0.1 of it, and another CA."""
    key, ca = _new_certificate("CA of a test", None)
    server_key, server = _new_certificate("127.0.0.1", (key, ca))
    _, other = _new_certificate("another CA", None)
    pem = serialization.Encoding.PEM
    for name, certificate in (("ca.pem", ca), ("server.pem", server), ("other.pem", other)):
        (folder / name).write_bytes(certificate.public_bytes(pem))
    private = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.key").write_bytes(private)
    (folder / "server.key").chmod(0o600)


Signer = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _new_certificate(name: str, issuer: Signer | None) -> Signer:
    key, now = ec.generate_private_key(ec.SECP256R1()), SystemClock().now()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[1].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is None:
        builder = builder.add_extension(_signs(), critical=True)
    else:
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[0].public_key())
        builder = builder.add_extension(signer, critical=False)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
        builder = builder.add_extension(names, critical=False)
    return key, builder.sign(key if issuer is None else issuer[0], hashes.SHA256())


def _signs() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
