"""The suite of `WebhookSender`. Fixtures to supply: `sender` (may reach `127.0.0.1` by http at any port, and has
patience), `impatient` (the same with a time limit of at most two seconds) and `strict` (as an installation without
settings has it)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from superfacility.facility.callbacks import Answer, WebhookSender
from superfacility.facility.errors import InvalidInput, NotPermitted, Unavailable
from superfacility.testing.reserved import reserved_port
from superfacility.testing.webhooks import WebhookReceiver, reply

BODY = b'{"type":"job.ended"}'

NEVER = [
    "", "hook", "/hook", "https://", "https:///hook", "//example.org/hook", "ftp://example.org/", "file:///etc/passwd",
    "gopher://example.org/", "http://example.org/", "javascript:alert(1)", "https://example.org:22/",
    "https://example.org:6443/", "https://example.org:99999/", "https://user@example.org/", "https://a:b@example.org/",
    "https://@example.org/", "https://example.org./", "https://exa mple.org/", "https://example.org/\r\nX: 1",
    "https://example.org\\@127.0.0.1/", "https://localhost/", "https://LOCALHOST/", "https://a.localhost/",
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/",
    "https://0177.0.0.1/", "https://127.0.0.1./", "https://0/", "https://0.0.0.0/", "https://10.0.0.1/",
    "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://198.18.0.1/", "https://192.0.0.192/", "https://[::1]/",
    "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
    "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
    "https://[ff02::1]/", "https://[2002:7f00:1::]/", "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/", "https://[2001:db8::1]/", "https://[2001::1]/", "https://[5f00::1]/",
    "https://１２７.0.0.1/", "https://127。0。0。1/", "https://-example.org/",
]  # fmt: skip
PERHAPS = [
    "https://example.org", "https://example.org/hook?key=1", "https://EXAMPLE.org:8443/a%20b", "https://8.8.8.8/",
    "https://[2606:4700::1111]/", "https://[64:ff9b::808:808]/", "https://bücher.example/", "https://xn--bcher-kva.example",
    "https://example.org:443/#part",
]  # fmt: skip


class WebhookSenderContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture
    async def receiver(self) -> AsyncIterator[WebhookReceiver]:
        receiver = WebhookReceiver()
        async with receiver.serving():
            yield receiver

    @pytest.mark.parametrize("url", NEVER)
    def test_what_can_never_be_sent_to_is_refused(self, strict: WebhookSender, url: str) -> None:
        with pytest.raises(InvalidInput, match="callbackUrl"):
            strict.check(url)

    @pytest.mark.parametrize("url", NEVER)
    async def test_it_is_not_sent_to_either(self, strict: WebhookSender, url: str) -> None:
        with pytest.raises((InvalidInput, NotPermitted)):
            await strict.post(url, {}, BODY)

    @pytest.mark.parametrize("url", PERHAPS)
    def test_other_peoples_addresses_pass(self, strict: WebhookSender, url: str) -> None:
        strict.check(url)

    async def test_it_sends_what_it_was_given(self, sender: WebhookSender, receiver: WebhookReceiver) -> None:
        headers = {"webhook-id": "msg_1", "webhook-signature": "v1,abc"}
        assert await sender.post(receiver.url("/a%2Fb/c%20d?x=%26&y=1"), headers, BODY) == Answer(204)
        (request,) = receiver.received
        assert (request.method, request.path, request.body) == ("POST", "/a%2Fb/c%20d?x=%26&y=1", BODY)
        assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["webhook-id"] == "msg_1"
        assert request.headers["webhook-signature"] == "v1,abc"
        assert not {"cookie", "authorization"} & request.headers.keys()

    async def test_redirects_are_answers(self, sender: WebhookSender, receiver: WebhookReceiver) -> None:
        elsewhere = WebhookReceiver()
        async with elsewhere.serving():
            receiver.answer = lambda _: reply(307, f"Location: {elsewhere.url()}")
            assert (await sender.post(receiver.url(), {}, BODY)).status == 307
        assert elsewhere.received == []

    @pytest.mark.parametrize(("value", "seconds"), [("120", 120.0), ("soon", None), ("-5", 0.0), ("nan", None)])
    async def test_it_tells_how_long_to_wait(
        self, sender: WebhookSender, receiver: WebhookReceiver, value: str, seconds: float | None
    ) -> None:
        receiver.answer = lambda _: reply(503, f"Retry-After: {value}")
        assert await sender.post(receiver.url(), {}, BODY) == Answer(503, seconds)

    async def test_cookies_are_not_kept(self, sender: WebhookSender, receiver: WebhookReceiver) -> None:
        receiver.answer = lambda _: reply(200, "Set-Cookie: a=b; Path=/")
        for _ in range(2):
            await sender.post(receiver.url(), {}, BODY)
        assert "cookie" not in receiver.received[1].headers

    async def test_an_endless_body_is_not_read(self, sender: WebhookSender, receiver: WebhookReceiver) -> None:
        receiver.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 4_000_000
        async with asyncio.timeout(60):
            assert (await sender.post(receiver.url(), {}, BODY)).status == 200

    async def test_one_who_does_not_answer_is_unavailable(
        self, impatient: WebhookSender, receiver: WebhookReceiver
    ) -> None:
        receiver.silent = True
        with pytest.raises(Unavailable, match="did not answer"):
            await impatient.post(receiver.url(), {}, BODY)

    @pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n"])
    async def test_one_who_does_not_speak_http_is_unavailable(
        self, sender: WebhookSender, receiver: WebhookReceiver, answer: bytes
    ) -> None:
        receiver.answer = lambda _: answer
        with pytest.raises(Unavailable):
            await sender.post(receiver.url(), {}, BODY)

    async def test_nobody_there_is_unavailable(self, sender: WebhookSender) -> None:
        with reserved_port() as port, pytest.raises(Unavailable, match="cannot be reached"):
            await sender.post(f"http://127.0.0.1:{port}/hook", {}, BODY)
