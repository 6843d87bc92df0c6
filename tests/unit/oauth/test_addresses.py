"""Where a request comes from: goal S5."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.addresses import (
    CONTRADICTION,
    UNIX_SOCKET,
    in_ranges,
    parse_address,
    source_address,
    validate_ranges,
)
from superfacility.oauth.scopes import LEVELS, SecurityLevel

PROXY = (ip_network("10.0.0.0/24"),)
PEER = "10.0.0.1"
LOCAL = (ip_network("127.0.0.1/32"),)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "forwarded", "trusted", "expected"),
    [
        # nobody is trusted: headers are what anybody can write
        ("192.0.2.1", ["198.51.100.7"], [], (), "192.0.2.1"),
        ("192.0.2.1", [], ["for=198.51.100.7"], (), "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], [], PROXY, "192.0.2.1"),
        ("127.0.0.1", ["198.51.100.7"], [], PROXY, "127.0.0.1"),
        # a trusted proxy, and what the caller wrote before it
        (PEER, ["198.51.100.7"], [], PROXY, "198.51.100.7"),
        (PEER, ["127.0.0.1, 198.51.100.7"], [], PROXY, "198.51.100.7"),
        (PEER, ["127.0.0.1", "198.51.100.7"], [], PROXY, "198.51.100.7"),
        (PEER, ["203.0.113.1, 198.51.100.7, 10.0.0.9"], [], PROXY, "198.51.100.7"),
        (PEER, ["10.0.0.8, 10.0.0.9"], [], PROXY, "10.0.0.8"),
        (PEER, ["nonsense, 198.51.100.7"], [], PROXY, "198.51.100.7"),
        (PEER, ["198.51.100.7:4711"], [], PROXY, "198.51.100.7"),
        (PEER, ["[2001:db8::7]:4711"], [], PROXY, "2001:db8::7"),
        (PEER, ["2001:DB8:0::7"], [], PROXY, "2001:db8::7"),
        (PEER, ["::ffff:198.51.100.7"], [], PROXY, "198.51.100.7"),
        # malformed where it counts: the nearest address that we know ourselves
        (PEER, ["198.51.100.7, nonsense"], [], PROXY, PEER),
        (PEER, ["198.51.100.7,"], [], PROXY, PEER),
        (PEER, ["0306.063.0144.07"], [], PROXY, PEER),
        (PEER, ["198.51.100.07"], [], PROXY, PEER),
        (PEER, ["127.1"], [], PROXY, PEER),
        (PEER, ["2130706433"], [], PROXY, PEER),
        (PEER, ["0x7f000001"], [], PROXY, PEER),
        (PEER, ["fe80::1%eth0"], [], PROXY, PEER),
        (PEER, ["localhost"], [], PROXY, PEER),
        (PEER, ["198.51.100.7\x00"], [], PROXY, PEER),
        (PEER, ["\u0661\u0662.0.0.1"], [], PROXY, PEER),
        (PEER, [], [], PROXY, PEER),
        (PEER, [""], [], PROXY, PEER),
        # RFC 7239
        (PEER, [], ["for=198.51.100.7"], PROXY, "198.51.100.7"),
        (PEER, [], ["for=127.0.0.1, for=198.51.100.7;proto=https"], PROXY, "198.51.100.7"),
        (PEER, [], ['For="[2001:db8::7]:4711";by=10.0.0.1'], PROXY, "2001:db8::7"),
        (PEER, [], ["proto=https; for=198.51.100.7"], PROXY, "198.51.100.7"),
        (PEER, [], ["for=_hidden"], PROXY, PEER),
        (PEER, [], ["for=unknown"], PROXY, PEER),
        (PEER, [], ["for=198.51.100.7, proto=https"], PROXY, PEER),
        (PEER, [], ['for="198.51.100.7'], PROXY, PEER),
        # two headers: only where they agree
        (PEER, ["198.51.100.7"], ["for=198.51.100.7"], PROXY, "198.51.100.7"),
        (PEER, ["198.51.100.7"], ["for=203.0.113.1"], PROXY, CONTRADICTION),
        (PEER, ["198.51.100.7"], ["for=_hidden"], PROXY, CONTRADICTION),
        (PEER, ["nonsense"], ["for=198.51.100.7"], PROXY, CONTRADICTION),
        # peers of every kind
        ("::ffff:10.0.0.1", ["198.51.100.7"], [], PROXY, "198.51.100.7"),
        ("::ffff:192.0.2.1", [], [], (), "192.0.2.1"),
        ("fe80::1%eth0", [], [], (), "fe80::1"),
        ("testclient", ["198.51.100.7"], [], PROXY, "testclient"),
        (None, [], [], (), UNIX_SOCKET),
        (None, ["198.51.100.7"], [], (), UNIX_SOCKET),
        (None, ["198.51.100.7"], [], PROXY, UNIX_SOCKET),
        (None, ["198.51.100.7"], [], LOCAL, "198.51.100.7"),
    ],
)
def test_the_source_address(peer, forwarded_for, forwarded, trusted, expected):
    assert source_address(peer, forwarded_for, forwarded, trusted) == expected


def test_a_header_that_the_proxy_passes_on_lets_nobody_in_as_the_proxy():
    found = source_address(PEER, ["198.51.100.7"], ["for=127.0.0.1"], PROXY)
    assert not in_ranges(found, ("10.0.0.0/24", "127.0.0.1/32", "198.51.100.7/32"))


@given(spoofed=st.lists(st.text(max_size=40), max_size=4), real=st.ip_addresses())
def test_whatever_a_caller_writes_first_the_proxys_own_word_counts(spoofed, real):
    own = real.ipv4_mapped or real if isinstance(real, IPv6Address) else real
    found = source_address(PEER, [*spoofed, str(real)], [], PROXY)
    if own not in PROXY[0]:
        assert found == str(own)


@given(st.text(max_size=60))
def test_headers_count_for_nothing_without_a_trusted_proxy(header):
    assert source_address("192.0.2.1", [header], [header], ()) == "192.0.2.1"


@given(st.ip_addresses(v=4))
def test_an_address_means_the_same_however_it_is_written(address: IPv4Address):
    assert parse_address(str(address)) == parse_address(f"::ffff:{address}") == address


@pytest.mark.parametrize(
    ("address", "ranges", "inside"),
    [
        ("192.0.2.7", ("192.0.2.0/24",), True),
        ("192.0.3.7", ("192.0.2.0/24",), False),
        ("192.0.2.7", ("198.51.100.0/24", "192.0.2.7/32"), True),
        ("::ffff:192.0.2.7", ("192.0.2.0/24",), True),
        ("2001:db8::1", ("2001:db8::/64",), True),
        ("2001:db8:0:1::1", ("2001:db8::/64",), False),
        ("192.0.2.7", ("::/64",), False),
        ("127.0.0.1", ("127.0.0.1/32",), True),
        ("127.0.0.2", ("127.0.0.1/32",), False),
        (UNIX_SOCKET, ("127.0.0.1/32",), False),
        ("testclient", ("127.0.0.1/32",), False),
        ("192.0.2.07", ("192.0.2.0/24",), False),
    ],
)
def test_lying_in_a_range(address, ranges, inside):
    assert in_ranges(address, ranges) is inside


@pytest.mark.parametrize(
    ("given_ranges", "normal"),
    [
        (["192.0.2.0/24"], ("192.0.2.0/24",)),
        (["192.0.2.7"], ("192.0.2.7/32",)),
        (["192.0.2.7/24"], ("192.0.2.0/24",)),
        ([" 192.0.2.7/32 ", "192.0.2.7"], ("192.0.2.7/32",)),
        (["2001:DB8::/64"], ("2001:db8::/64",)),
        (["2001:db8::1"], ("2001:db8::1/128",)),
        (["::ffff:192.0.2.0/120"], ("192.0.2.0/24",)),
        (["127.0.0.0/24"], ("127.0.0.0/24",)),
    ],
)
def test_ranges_are_kept_in_their_normal_form(given_ranges, normal):
    assert validate_ranges(SecurityLevel.RED, given_ranges) == normal


@pytest.mark.parametrize("level", SecurityLevel)
@pytest.mark.parametrize(
    "bad",
    [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "192.0.2.0/23",
        "2001:db8::/63",
        "::ffff:0.0.0.0/96",
        "::ffff:192.0.2.0/119",
        "192.0.2.0/33",
        "192.0.2.0/255.255.255.0",
        "192.0.2.0/-1",
        "192.0.2",
        "192.0.2.07",
        "0300.0.02.0/24",
        "3221225984",
        "fe80::1%eth0",
        "example.org",
        "*",
        "",
        "192.0.2.0/24/24",
        "192.0.2.0/٢٤",
    ],
)
def test_ranges_that_no_level_may_have(level, bad):
    with pytest.raises(InvalidInput):
        validate_ranges(level, [bad])


@pytest.mark.parametrize("level", SecurityLevel)
def test_the_number_of_ranges_is_bounded_by_the_level(level):
    most = LEVELS[level].max_ranges
    ranges = [f"192.0.2.{number}" for number in range(most + 1)]
    assert len(validate_ranges(level, ranges[:most])) == most
    with pytest.raises(InvalidInput, match=f"{most} source ranges"):
        validate_ranges(level, ranges)
    with pytest.raises(InvalidInput, match="at least one"):
        validate_ranges(level, [])
