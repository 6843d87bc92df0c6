"""Connections to a server: encrypted and verified before anything is said, with limits of time on each step."""

import contextlib
import re
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from superfacility.adapters.ldap.entries import shown
from superfacility.adapters.ldap.options import Options, ServerAddress
from superfacility.facility.errors import FacilityError, InvalidInput, Unavailable
from superfacility.facility.secret_files import read_secret

with warnings.catch_warnings():  # ldap3 2.9.1 uses names that pyasn1 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3 import NONE, SYNC, Connection, Server, Tls
    from ldap3.core.exceptions import (
        LDAPException,
        LDAPInvalidCredentialsResult,
        LDAPNoSuchObjectResult,
        LDAPOperationResult,
    )

_SETTING = "directory.source.password_file"
_SIZE_LIMIT = 4
_WHO_ACTS = "The directory's administrators must act"


class VerifiedTls(Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS as Python's own module does it, which compares the certificate's names itself, before any byte of ours."""

    def __init__(self, ca_file: Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        host = connection.server.host
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=host)


class Wire:
    """One connection, used by one thread at a time. `abort` may be called by any other."""

    def __init__(self, options: Options, address: ServerAddress, user: str | None, password: str | None) -> None:
        tls = VerifiedTls(options.ca_file) if address.tls or address.upgrade else None
        server = Server(
            address.host,
            port=address.port,
            use_ssl=address.tls,
            get_info=NONE,
            tls=tls,
            connect_timeout=options.time_limit,
        )
        self._upgrade = address.upgrade
        self.connection = Connection(
            server,
            user=user,
            password=password,
            client_strategy=SYNC,
            auto_referrals=False,
            raise_exceptions=True,
            read_only=True,
            check_names=False,
            receive_timeout=options.time_limit,
        )

    def open(self) -> None:
        """Connect, encrypt, log in; `LDAPException` and `OSError` as they come."""
        self.connection.open(read_server_info=False)
        if self._upgrade:
            self.connection.start_tls(read_server_info=False)
        if not self.connection.bind(read_server_info=False):
            raise LDAPException(f"it does not let us in: {self.connection.last_error}")

    def abort(self) -> None:
        """Whoever waits for an answer is told that there will be none."""
        waiting = self.connection.socket
        if waiting is not None:
            with contextlib.suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Also what was opened by half, which ldap3 leaves open."""
        half_open = self.connection.socket
        with contextlib.suppress(LDAPException, OSError):
            self.connection.strategy.close()
        if half_open is not None:
            half_open.close()


def connect(options: Options) -> Wire:
    """To the first server that answers, as the account that reads."""
    password = None
    if options.password_file is not None:
        password = _password(options.password_file)
    problems = []
    for address in options.servers:
        wire = Wire(options, address, options.bind_dn, password)
        try:
            wire.open()
        except LDAPInvalidCredentialsResult:
            wire.close()
            raise Unavailable(
                f"The directory at {address.host}:{address.port} does not accept the password of {options.bind_dn}: "
                f"write the right one into {options.password_file}."
            ) from None
        except (LDAPException, OSError, ValueError) as problem:
            wire.close()
            problems.append(f"{address.host}:{address.port}: {in_words(problem)}")
        else:
            return wire
    raise Unavailable(f"The directory cannot be reached: {'; '.join(problems)}")


def _password(path: Path) -> str:
    try:
        password = read_secret(path, _SETTING).decode("utf-8", "replace").rstrip("\r\n")
    except InvalidInput as problem:  # it may be mended while we run
        raise Unavailable(str(problem)) from problem
    if not password:  # a name without a password logs in as nobody, and succeeds (RFC 4513, section 5.1.2)
        raise Unavailable(f"{_SETTING}: {path} is empty: write the password into it.")
    return password


def password_fits(options: Options, dn: str, password: str) -> bool:
    """A login as that entry, on a connection of its own."""
    problems = []
    for address in options.servers:
        wire = Wire(options, address, dn, password)
        try:
            wire.open()
        except LDAPInvalidCredentialsResult:
            return False
        except LDAPOperationResult as problem:  # locked, expired, or no password at all: it lets nobody in
            problems.append(in_words(problem))
            return False
        except (LDAPException, OSError, ValueError) as problem:
            problems.append(f"{address.host}:{address.port}: {in_words(problem)}")
        else:
            return True
        finally:
            wire.close()
    raise Unavailable(f"The directory cannot be reached: {'; '.join(problems)}")


@contextmanager
def told(base: str) -> Iterator[None]:
    """What goes wrong in a search, as errors of a facility. Never "not there": that is said by an answer alone."""
    try:
        yield
    except LDAPNoSuchObjectResult:
        raise Unavailable(f"The directory has no {base}, or does not show it to us. {_WHO_ACTS}.") from None
    except (LDAPException, OSError) as problem:
        raise Unavailable(f"The directory did not answer: {in_words(problem)}") from problem
    except FacilityError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as problem:  # of ldap3, on what is no LDAP
        raise Unavailable(f"The directory answered what is no LDAP ({type(problem).__name__}).") from problem


def whole(result: dict[str, Any], base: str) -> None:
    """ldap3 raises nothing for an answer that was cut short: taken for the whole, it would lose us the rest."""
    code = result.get("result")
    if code == _SIZE_LIMIT:
        raise Unavailable(
            f"The directory gives us a part of {base} alone (its size limit). {_WHO_ACTS}: the account that "
            "reads needs a limit above the number of entries."
        )
    if code:
        raise Unavailable(f"The directory did not list {base} in full: {shown(str(result.get('description')))}.")


def in_words(problem: Exception) -> str:
    """What LDAP, TLS or the network say, in one line."""
    if isinstance(problem, LDAPOperationResult):
        message = f" ({problem.message})" if problem.message else ""
        return shown(f"{problem.description}{message}")
    wrapped = re.sub(r"\s*\(_ssl\.c:\d+\)?", "", str(problem).replace("\\", "")).strip("(),'\"")
    return shown(wrapped or type(problem).__name__)
