"""What callbacks may reach, for every address and every text that calls itself a URL."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from superfacility.adapters.web.addresses import closed
from superfacility.adapters.web.rules import ReachRules
from superfacility.facility.errors import InvalidInput, NotPermitted

STRICT = ReachRules()
V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)
NAT64 = int(IPv6Address("64:ff9b::"))


@given(st.one_of(V4, V6))
@settings(max_examples=500)
def test_only_addresses_of_the_public_network_are_open(address: IPv4Address | IPv6Address) -> None:
    if closed(address) is None and not (address.version == 6 and int(address) >> 32 == NAT64 >> 32):
        assert address.is_global
        kinds = (address.is_multicast, address.is_loopback, address.is_link_local, address.is_unspecified)
        assert not any(kinds)


@given(V4)
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("169.254.169.254"))
@example(IPv4Address("8.8.8.8"))
def test_an_ipv4_address_in_ipv6_clothes_stays_what_it_is(address: IPv4Address) -> None:
    plain = closed(address)
    assert closed(IPv6Address(f"::ffff:{address}")) == plain
    assert closed(IPv6Address(NAT64 + int(address))) == plain
    assert closed(IPv6Address(int(address))) is not None
    assert closed(IPv6Address((0x2002 << 112) + (int(address) << 80))) is not None


@given(st.integers(0, 2**32 - 1))
@example(0)
@example(0x7F000001)
def test_numbers_are_no_hosts(number: int) -> None:
    address = IPv4Address(number)
    octal = ".".join(f"0{part:o}" for part in address.packed)
    short = f"{address.packed[0]}.{number & 0xFFFFFF}"
    for host in (str(number), hex(number), octal, short, f"{address}.", ".".join(hex(each) for each in address.packed)):
        with pytest.raises(InvalidInput):
            STRICT.target(f"https://{host}/")


HOSTILE = st.text(alphabet="htps:/@\\?#%[].0123456789abcdefx\u3002\uff0e\u2488 \t\r\n\0\u00e9-_", max_size=40)


@given(st.one_of(st.text(max_size=60), HOSTILE.map("https://{}".format), HOSTILE))
@example("https://a@b")
@example("https://[::1")
@example("https://\ud800/")
@settings(max_examples=1500)
def test_no_text_leads_astray(url: str) -> None:
    """It is refused in words, or leads to a plain host that is no closed address, on an open port."""
    try:
        target = STRICT.target(url)
    except InvalidInput:
        return
    assert target.scheme == "https"
    assert target.port in {443, 8443}
    assert target.host.isascii()
    assert not set("@\\/?#% \r\n\t\0") & set(target.host)
    assert target.path.startswith(("/", "?"))
    assert not set("\r\n \0") & set(target.path)
    try:
        assert closed(ip_address(target.host)) is None
    except ValueError:
        assert target.host[-1].isalnum()
        assert not target.host.replace(".", "").isdecimal()


def test_a_site_opens_networks_hosts_and_ports() -> None:
    rules = ReachRules.of(allow=["10.1.0.0/16", "hook.intranet", "fd00:1::/32"], ports=[443, 9000], http=True)
    for url in ("http://10.1.2.3/", "https://10.1.2.3:9000/", "https://[fd00:1::5]/", "http://hook.intranet:80/"):
        rules.target(url)
    rules.permit("hook.intranet", [IPv4Address("127.0.0.1")])
    rules.permit("other.intranet", [IPv4Address("10.1.9.9"), IPv6Address("::ffff:10.1.9.9")])
    for url in ("https://10.2.0.1/", "https://10.1.2.3:8443/", "https://[fd00:2::5]/", "https://localhost/"):
        with pytest.raises(InvalidInput):
            rules.target(url)
    with pytest.raises(NotPermitted, match=r"10\.2\.0\.1 \(private\)"):
        rules.permit("other.intranet", [IPv4Address("10.1.9.9"), IPv4Address("10.2.0.1")])


def test_a_wrong_allow_list_is_refused_in_words() -> None:
    for entry in ("10.0.0.1/8", "https://example.org", "a b", "*.example.org", ""):
        with pytest.raises(InvalidInput, match="neither the name of a host nor a network"):
            ReachRules.of(allow=[entry])
