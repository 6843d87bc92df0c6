"""The options of the LDAP directory."""

from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.ldap.options import ServerAddress, read_options
from superfacility.facility.errors import InvalidInput

LEAST = {"urls": ["ldaps://ldap.example.org"], "user_base": "ou=people,dc=x", "anonymous": True}


def test_what_is_not_said_has_a_default() -> None:
    options = read_options(LEAST, Path)
    assert options.servers == (ServerAddress("ldap.example.org", 636, tls=True, upgrade=False),)
    assert options.group_base == "ou=people,dc=x"


def test_a_plain_address_is_upgraded_before_anything_is_said() -> None:
    options = read_options(LEAST | {"urls": ["ldap://a.example.org", "ldap://[::1]:3389"]}, Path)
    assert options.servers == (
        ServerAddress("a.example.org", 389, tls=False, upgrade=True),
        ServerAddress("::1", 3389, tls=False, upgrade=True),
    )


def test_plaintext_is_for_this_machine() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        options = read_options(LEAST | {"urls": [f"ldap://{host}"], "plaintext": True}, Path)
        assert not options.servers[0].upgrade
    with pytest.raises(InvalidInput, match="plaintext"):
        read_options(LEAST | {"urls": ["ldap://ldap.example.org"], "plaintext": True}, Path)


def test_paths_begin_where_the_configuration_is() -> None:
    given = {"bind_dn": "cn=reader", "password_file": "ldap.password", "ca_file": "ca.pem", "anonymous": False}
    options = read_options(LEAST | given, lambda path: Path("/etc/superfacility") / path)
    assert options.password_file == Path("/etc/superfacility/ldap.password")
    assert options.ca_file == Path("/etc/superfacility/ca.pem")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "blue"}, "no option 'colour'"),
        ({"urls": []}, "urls must be a list"),
        ({"urls": "ldaps://x"}, "urls must be a list"),
        ({"urls": ["https://x"]}, "must be ldaps://host"),
        ({"urls": ["ldaps://x/dc=y??sub"]}, "must be ldaps://host"),
        ({"urls": ["ldaps://x:99999"]}, "must be ldaps://host"),
        ({"bind_dn": "cn=reader"}, "belong together"),
        ({"bind_dn": "cn=reader", "password_file": "x"}, "either `bind_dn`"),
        ({"anonymous": False}, "either `bind_dn`"),
        ({"anonymous": "yes"}, "anonymous must be true or false"),
        ({"user_filter": "objectClass=*"}, "user_filter must be a filter"),
        ({"name_attribute": "uid)(x"}, "name_attribute must be the name"),
        ({"schema": "ad"}, "schema must be rfc2307"),
        ({"page_size": 0}, "page_size must be a whole number"),
        ({"time_limit_seconds": True}, "time_limit_seconds must be a whole number"),
        ({"least_number": 0}, "least_number must be a whole number"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_options(LEAST | changes, Path)


@pytest.mark.parametrize("missing", ["urls", "user_base"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(InvalidInput, match=missing):
        read_options({name: value for name, value in LEAST.items() if name != missing}, Path)
