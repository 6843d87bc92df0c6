"""What is told of addresses that certificates are good from, and are not set."""

from ipaddress import ip_address
from typing import Any

import pytest

from superfacility.adapters.ssh.credentials import addresses
from superfacility.adapters.ssh.credentials.addresses import Route
from superfacility.adapters.ssh.options import read_options

USUAL = {"host": "login", "known_hosts": "/etc/known", "ca_key": "/etc/ca"}


async def told(monkeypatch: pytest.MonkeyPatch, own: str, target: str, **more: Any) -> list[str]:
    async def routes(*_: Any) -> list[Route]:
        return [Route(ip_address(own), ip_address(target))] * 2

    monkeypatch.setattr(addresses, "routes", routes)
    given = {name: value for name, value in {**USUAL, **more}.items() if value is not None}
    return await addresses.advice(read_options(given))


@pytest.mark.parametrize(
    ("own", "target", "translated"),
    [
        ("10.1.2.3", "8.8.8.8", True),
        ("100.64.0.1", "8.8.8.8", True),
        ("fd00::1", "2001:4860:4860::8888", True),
        ("10.1.2.3", "10.9.9.9", False),
        ("8.8.4.4", "8.8.8.8", False),
        ("127.0.0.1", "127.0.0.1", False),
    ],
)
async def test_a_private_address_towards_a_public_machine_is_told_once(
    monkeypatch: pytest.MonkeyPatch, own: str, target: str, translated: bool
) -> None:
    words = await told(monkeypatch, own, target)
    assert len(words) == translated
    assert all(f"good from {own} alone" in each and "Set source_address" in each for each in words)


async def test_certificates_behind_a_jump_host_are_good_from_anywhere_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (words,) = await told(monkeypatch, "10.1.2.3", "10.9.9.9", jump=["bastion"])
    assert "login sees a jump host" in words
    assert "Set source_address to the addresses of this host and of each jump host" in words


@pytest.mark.parametrize(
    "more", [{"source_address": []}, {"source_address": ["10.0.0.0/8"]}, {"ca_key": None, "user_keys": "/k"}]
)
async def test_what_is_set_or_has_no_certificates_of_ours_is_let_be(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    assert await told(monkeypatch, "10.1.2.3", "8.8.8.8", jump=["bastion"], **more) == []
