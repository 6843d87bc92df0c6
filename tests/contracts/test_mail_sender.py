"""Mail against a real little SMTP server."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from superfacility.adapters.web import MailServer, NoMail, SmtpMailSender
from superfacility.facility.errors import InvalidInput, Refused, Unavailable
from superfacility.testing.clocks import FakeClock


@dataclass
class MailReceiver:
    """Speaks SMTP, keeps what it is handed, and answers RCPT as it is told."""

    recipient_answer: str = "250 OK"
    password: str | None = None
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    port: int = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            verb = line.split(" ", 1)[0].upper()
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n"))[:-5])
            writer.write(self._answer(verb, line).encode() + b"\r\n")
            if verb == "QUIT":
                break
        await writer.drain()
        writer.close()

    def _answer(self, verb: str, line: str) -> str:
        if verb == "EHLO":
            return "250-mail.example.org\r\n250 AUTH PLAIN" if self.password else "250 mail.example.org"
        if verb == "AUTH":
            sent = base64.b64decode(line.rsplit(" ", 1)[1]).decode().rpartition("\0")[2]
            return "235 welcome" if sent == self.password else "535 wrong"
        return {"RCPT": self.recipient_answer, "QUIT": "221 bye"}.get(verb, "250 OK")

    def sender(self, **options: object) -> SmtpMailSender:
        server = MailServer("127.0.0.1", "Facility <api@example.org>", self.port, "none", **options)  # type: ignore[arg-type]
        return SmtpMailSender(server, clock=FakeClock())


@pytest.fixture
async def receiver() -> AsyncIterator[MailReceiver]:
    receiver = MailReceiver()
    async with receiver.serving():
        yield receiver


async def test_a_mail_is_handed_in(receiver: MailReceiver) -> None:
    await receiver.sender().send("ada@example.org", "Job 1 has ended: füll", "Text.\n.\nMore\n")
    (mail,) = receiver.mails
    message = message_from_bytes(mail, policy=default)
    assert (message["to"], message["from"]) == ("ada@example.org", "Facility <api@example.org>")
    assert message["subject"] == "Job 1 has ended: füll"
    assert message["auto-submitted"] == "auto-generated"
    assert message["message-id"].endswith("@example.org>")
    assert "rcpt TO:<ada@example.org>" in receiver.commands


@pytest.mark.parametrize("recipient", ["a@example.org\r\nBcc: b@example.org", "a@example.org\nDATA", "a@ex\0ample.org"])
async def test_no_header_comes_in_by_an_address(receiver: MailReceiver, recipient: str) -> None:
    with contextlib.suppress(InvalidInput, Refused, Unavailable):
        await receiver.sender().send(recipient, "Subject\r\nBcc: b@example.org", "Text")
    assert not [command for command in receiver.commands if "b@example.org" in command]
    for mail in receiver.mails:
        assert message_from_bytes(mail, policy=default)["bcc"] is None


async def test_a_line_break_in_a_subject_is_a_space(receiver: MailReceiver) -> None:
    await receiver.sender().send("ada@example.org", "one\r\nBcc: b@example.org", "Text")
    message = message_from_bytes(receiver.mails[0], policy=default)
    assert message["subject"] == "one Bcc: b@example.org"
    assert message["bcc"] is None


@pytest.mark.parametrize(("answer", "error"), [("550 no such user", Refused), ("451 try later", Unavailable)])
async def test_a_refusal_is_for_now_or_for_good(
    receiver: MailReceiver, answer: str, error: type[Refused] | type[Unavailable]
) -> None:
    receiver.recipient_answer = answer
    with pytest.raises(error, match=answer[4:]):
        await receiver.sender().send("ada@example.org", "Subject", "Text")
    assert receiver.mails == []


async def test_the_password_comes_from_its_file(receiver: MailReceiver, tmp_path: Path) -> None:
    receiver.password = "s3cret"
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    sender = receiver.sender(user="api", password_file=file)
    await sender.send("ada@example.org", "Subject", "Text")
    file.write_text("other\n")
    with pytest.raises(Unavailable) as caught:
        await sender.send("ada@example.org", "Subject", "Text")
    assert "other" not in str(caught.value)
    file.chmod(0o644)
    with pytest.raises(Unavailable, match="chmod 600"):
        await sender.send("ada@example.org", "Subject", "Text")
    assert len(receiver.mails) == 1


async def test_without_starttls_nothing_is_sent_in_clear(receiver: MailReceiver) -> None:
    sender = SmtpMailSender(MailServer("127.0.0.1", "api@example.org", receiver.port))
    with pytest.raises(Unavailable, match="STARTTLS"):
        await sender.send("ada@example.org", "Subject", "Text")
    assert receiver.mails == []


async def test_a_server_that_is_away_is_unavailable(receiver: MailReceiver) -> None:
    sender = SmtpMailSender(MailServer("127.0.0.1", "api@example.org", 1, "none"))
    with pytest.raises(Unavailable):
        await sender.send("ada@example.org", "Subject", "Text")


async def test_a_facility_without_mail_says_so() -> None:
    with pytest.raises(Refused, match="sends no mail"):
        await NoMail().send("ada@example.org", "Subject", "Text")
    with pytest.raises(InvalidInput, match=r"sends no mail.*callbackUrl"):
        NoMail().check("ada@example.org")
