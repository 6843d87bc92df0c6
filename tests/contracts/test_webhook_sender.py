"""The suite of WebhookSender over HTTP, and what only a sender that resolves names itself can show."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from superfacility.adapters.web import HttpWebhookSender, ReachRules
from superfacility.adapters.web.addresses import Address
from superfacility.facility.callbacks import Answer, WebhookSender
from superfacility.facility.errors import NotPermitted, Unavailable
from superfacility.testing.contracts.webhook_sender import WebhookSenderContract
from superfacility.testing.webhooks import WebhookReceiver, reply

OPEN = ReachRules.of(allow=["127.0.0.0/8"], ports=(), http=True)


class TestHttpWebhookSender(WebhookSenderContract):
    @pytest.fixture
    async def sender(self) -> AsyncIterator[WebhookSender]:
        sender = HttpWebhookSender(OPEN, time_limit=120.0)
        yield sender
        await sender.aclose()

    @pytest.fixture
    async def impatient(self) -> AsyncIterator[WebhookSender]:
        sender = HttpWebhookSender(OPEN, time_limit=1.0)
        yield sender
        await sender.aclose()

    @pytest.fixture
    async def strict(self) -> AsyncIterator[WebhookSender]:
        sender = HttpWebhookSender()
        yield sender
        await sender.aclose()


class Names:
    """A name server: each question gets the next answer, the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.questions = 0

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.questions += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [ip_address(each) for each in answer]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.100.100.200", "::1", "::ffff:10.0.0.1", "fd00::1", "0.0.0.0"],
)
@pytest.mark.parametrize("beside", [[], ["93.184.216.34"]])
async def test_a_name_that_leads_to_our_own_network_is_refused(address: str, beside: list[str]) -> None:
    sender = HttpWebhookSender(resolve=Names([*beside, address]))
    with pytest.raises(NotPermitted, match="may not reach"):
        await sender.post("https://hook.example.org/", {}, b"{}")
    await sender.aclose()


async def test_a_name_is_asked_for_once_and_the_connection_goes_to_what_was_checked() -> None:
    """A second answer would be another address: DNS rebinding."""
    receiver, trap = WebhookReceiver(), WebhookReceiver()
    async with receiver.serving("127.0.0.2"):
        trap.port = receiver.port
        async with trap.serving("127.0.0.3"):
            names = Names(["127.0.0.2"], ["127.0.0.3"])
            rules = ReachRules.of(allow=["127.0.0.2/32"], ports=(), http=True)
            sender = HttpWebhookSender(rules, resolve=names)
            url = receiver.url(host="hook.example.org")
            assert await sender.post(url, {}, b"{}") == Answer(204)
            assert names.questions == 1
            assert receiver.received[0].headers["host"] == f"hook.example.org:{receiver.port}"
            with pytest.raises(NotPermitted):
                await sender.post(url, {}, b"{}")
            await sender.aclose()
    assert trap.connections == 0


async def test_the_next_address_counts_where_the_first_does_not_listen() -> None:
    receiver = WebhookReceiver()
    async with receiver.serving("127.0.0.2"):
        sender = HttpWebhookSender(OPEN, resolve=Names(["127.0.0.9", "127.0.0.2"]))
        assert await sender.post(receiver.url(host="hook.example.org"), {}, b"{}") == Answer(204)
        await sender.aclose()


async def test_a_host_that_the_site_allows_may_be_anywhere() -> None:
    receiver = WebhookReceiver()
    async with receiver.serving():
        rules = ReachRules.of(allow=["Hook.Intranet"], ports=[receiver.port], http=True)
        sender = HttpWebhookSender(rules, resolve=Names(["127.0.0.1"]))
        assert await sender.post(receiver.url(host="hook.intranet"), {}, b"{}") == Answer(204)
        with pytest.raises(NotPermitted):
            await sender.post(receiver.url(host="other.intranet"), {}, b"{}")
        await sender.aclose()


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, receiver = WebhookReceiver(), WebhookReceiver()
    async with proxy.serving(), receiver.serving():
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        monkeypatch.delenv("no_proxy", raising=False)
        sender = HttpWebhookSender(OPEN)
        assert await sender.post(receiver.url(), {}, b"{}") == Answer(204)
        await sender.aclose()
    assert proxy.connections == 0


async def test_a_name_server_that_hangs_is_unavailable() -> None:
    async def hang(host: str, port: int) -> list[Address]:
        await asyncio.Event().wait()
        return []

    sender = HttpWebhookSender(time_limit=0.2, resolve=hang)
    with pytest.raises(Unavailable, match="did not answer"):
        await sender.post("https://hook.example.org/", {}, b"{}")
    await sender.aclose()


async def test_retry_after_may_be_a_date() -> None:
    receiver = WebhookReceiver(answer=lambda _: reply(429, "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT"))
    async with receiver.serving():
        sender = HttpWebhookSender(OPEN)
        answer = await sender.post(receiver.url(), {}, b"{}")
        await sender.aclose()
    assert answer.retry_after is not None
    assert answer.retry_after > 86_400


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate of that name, with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


async def test_tls_asks_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "hook.example.org")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    asked: list[str] = []
    server.sni_callback = lambda _, name, __: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(pem))
    rules = ReachRules.of(allow=["127.0.0.1/32"], ports=())
    receiver = WebhookReceiver()
    async with receiver.serving(tls=server):
        sender = HttpWebhookSender(rules, resolve=Names(["127.0.0.1"]), tls=trusting)
        assert await sender.post(receiver.url(host="hook.example.org"), {}, b"{}") == Answer(204)
        assert asked == ["hook.example.org"]
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await sender.post(receiver.url(host="other.example.org"), {}, b"{}")
        await sender.aclose()
        distrusting = HttpWebhookSender(rules, resolve=Names(["127.0.0.1"]))
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await distrusting.post(receiver.url(host="hook.example.org"), {}, b"{}")
        await distrusting.aclose()
    assert len(receiver.received) == 1
