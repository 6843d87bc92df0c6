"""Options that are wrong are refused by name."""

from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.ssh.options import Hop, read_options
from superfacility.facility.errors import InvalidInput

USUAL = {"host": "login", "known_hosts": "/etc/known", "ca_key": "/etc/ca"}


def test_what_is_given_is_read() -> None:
    options = read_options(
        {**USUAL, "jump": ["bastion", "gate@[::1]:2222"], "environment": {"SLURM_CONF": "/etc/slurm.conf"}}
    )
    assert options.jump == (Hop("bastion"), Hop("::1", 2222, "gate"))
    assert (options.port, options.ca_key, options.certificate_minutes) == (22, Path("/etc/ca"), 5)
    assert options.way == (*options.jump, Hop("login"))
    assert options.source_address is None
    assert options.environment == {"SLURM_CONF": "/etc/slurm.conf"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hots": "x"}, "hots"),
        ({"host": None}, "host"),
        ({"host": "-oProxyCommand=id"}, "host"),
        ({"host": "alice@login"}, "host"),
        ({"port": 0}, "port"),
        ({"port": "22"}, "port"),
        ({"port": True}, "port"),
        ({"known_hosts": None}, "known_hosts"),
        ({"known_hosts": "relative"}, "known_hosts"),
        ({"host_ca": "/etc/ca.pub"}, "host_ca"),
        ({"ca_key": None}, "exactly one"),
        ({"ca_command": ["sign"]}, "exactly one"),
        ({"ca_key": None, "ca_agent": "/run/agent"}, "ca_agent_key"),
        ({"ca_key": None, "ca_command": "sign"}, "ca_command"),
        ({"ca_key": None, "user_keys": "keys"}, "user_keys"),
        ({"ca_key": None, "user_keys": "keys/{user}"}, "user_keys"),
        ({"certificate_minutes": 16}, "certificate_minutes"),
        ({"certificate_minutes": 0}, "certificate_minutes"),
        ({"channels_per_connection": 1}, "channels_per_connection"),
        ({"source_address": "192.0.2.1"}, "source_address"),
        ({"source_address": ["gateway"]}, "source_address"),
        ({"source_address": ["192.0.2.1/24"]}, "source_address"),
        ({"jump": "bastion"}, "jump"),
        ({"jump": ["a b"]}, "jump"),
        ({"jump": ["bastion:x"]}, "jump"),
        ({"idle_seconds": 0}, "idle_seconds"),
        ({"connect_timeout": "5"}, "connect_timeout"),
        ({"environment": ["A"]}, "environment"),
        ({"environment": {"A B": "x"}}, "A B"),
        ({"environment": {"A": 1}}, "environment.A"),
        ({"path": "/bin\n/sbin"}, "path"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], named: str) -> None:
    given = {name: value for name, value in {**USUAL, **changes}.items() if value is not None}
    with pytest.raises(InvalidInput, match=named):
        read_options(given)
