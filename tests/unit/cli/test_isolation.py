"""Where nothing keeps people apart, the server is for this machine alone, and for one person unless told otherwise."""

import pytest

from superfacility.cli.admin.desk import check_isolation
from superfacility.cli.serve import check_host
from superfacility.facility.errors import InvalidInput
from superfacility.settings import AdapterSettings, Settings, SystemSettings


def settings(adapter: str, *, shared_account: bool = False) -> Settings:
    system = SystemSettings(full_name="Here", transport=AdapterSettings(adapter=adapter))
    return Settings(name="Test", shared_account=shared_account, systems={"here": system})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_served(host: str) -> None:
    check_host(settings("local"), host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "api.example.org", ""])
def test_other_addresses_are_refused_for_the_servers_own_account(host: str) -> None:
    for shared in (False, True):
        with pytest.raises(InvalidInput, match=r"127\.0\.0\.1"):
            check_host(settings("local", shared_account=shared), host)
    check_host(settings("ssh"), host)


def test_a_second_user_needs_the_operators_word() -> None:
    check_isolation(settings("local"), 1)
    with pytest.raises(InvalidInput, match="shared_account = true"):
        check_isolation(settings("local"), 2)
    check_isolation(settings("local", shared_account=True), 2)
    check_isolation(settings("ssh"), 2)
