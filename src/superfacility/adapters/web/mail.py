"""Mail by SMTP, in a thread: the standard library's client knows no event loop."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Literal

from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.errors import InvalidInput, Refused, Unavailable
from superfacility.facility.secret_files import read_secret

AT_ONCE = 4
"""Connections to the mail server."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. The password is read from its file for each connection, so that it can be changed."""

    host: str
    sender: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_file: Path | None = None
    time_limit: float = 30.0


class SmtpMailSender:
    """`MailSender`."""

    def __init__(self, server: MailServer, *, tls: ssl.SSLContext | None = None, clock: Clock | None = None) -> None:
        self._server = server
        self._tls = tls
        self._clock = clock or SystemClock()
        self._places = asyncio.Semaphore(AT_ONCE)

    def check(self, recipient: str) -> None:
        """Whether the server takes mail for somebody shows when it is handed in."""

    async def send(self, recipient: str, subject: str, text: str) -> None:
        message = self._message(recipient, subject, text)
        async with self._places:
            try:
                await asyncio.to_thread(self._hand_in, message, recipient)
            except smtplib.SMTPRecipientsRefused as problem:
                raise _refusal(*problem.recipients.get(recipient, (550, b"")), recipient) from problem
            except smtplib.SMTPResponseException as problem:
                raise _refusal(problem.smtp_code, problem.smtp_error, recipient) from problem
            except InvalidInput as problem:  # for staff to mend, and then it goes on
                raise Unavailable(f"The facility's mail is not set up rightly; tell staff. {problem}") from problem
            except (OSError, smtplib.SMTPException) as problem:
                raise Unavailable(f"The facility's mail server does not take mail now: {problem}") from problem

    def _message(self, recipient: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        try:
            message["From"] = self._server.sender
            message["To"] = recipient
            message["Subject"] = " ".join(subject.split())
        except ValueError as problem:
            raise InvalidInput("The mail address cannot be written into a mail.") from problem
        message["Date"] = self._clock.now()
        message["Message-ID"] = make_msgid(domain=self._server.sender.rpartition("@")[2].strip("> ") or None)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        message.set_content(text)
        return message

    def _hand_in(self, message: EmailMessage, recipient: str) -> None:
        with self._connect() as connection:
            if self._server.security == "starttls":
                connection.starttls(context=self._context())
            if self._server.user is not None:
                connection.login(self._server.user, self._password())
            connection.send_message(message, to_addrs=[recipient])

    def _connect(self) -> smtplib.SMTP:
        host, port, limit = self._server.host, self._server.port, self._server.time_limit
        if self._server.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=limit, context=self._context())
        return smtplib.SMTP(host, port, timeout=limit)

    def _context(self) -> ssl.SSLContext:
        return self._tls or ssl.create_default_context()

    def _password(self) -> str:
        if self._server.password_file is None:
            return ""
        return read_secret(self._server.password_file, "mail.password_file").decode("utf-8").strip()


class NoMail:
    """`MailSender` of a facility that sends none."""

    def check(self, recipient: str) -> None:
        raise InvalidInput(
            "callbackEmail: this facility sends no mail. Leave it out, give a callbackUrl, or ask staff to configure a "
            "mail server ([mail])."
        )

    async def send(self, recipient: str, subject: str, text: str) -> None:
        raise Refused("This facility sends no mail: its staff have not configured a mail server ([mail]).\n")


def _refusal(code: int, words: bytes | str, recipient: str) -> Refused | Unavailable:
    """4xx is for now, 5xx for good (RFC 5321, section 4.2.1)."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    if 400 <= code < 500 or code == 535:  # 535: our own password is wrong, which is not the recipient's fault
        return Unavailable(f"The facility's mail server does not take mail now: {code} {text}")
    return Refused(f"{code} {text} (for {recipient})\n")
