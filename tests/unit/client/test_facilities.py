"""The file of facilities: read with care, written whole."""

from pathlib import Path

import pytest

from superfacility.client.environment import Environment
from superfacility.client.errors import ConfigurationError
from superfacility.client.facilities import Facility, name_of, read_facilities, remember

ONE = Facility("one", "https://one.example", system="perlmutter", key="laptop")
TWO = Facility("two.x", 'https://two.example/"\\', ca_file="/etc/ssl/two.pem", token_url="https://id/token")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(home=tmp_path / "home")


def test_what_is_remembered_is_read_again(environment: Environment) -> None:
    known = remember(TWO, remember(ONE, read_facilities(environment)))
    found = read_facilities(environment)
    assert found == known
    assert found.known == {"one": ONE, "two.x": TWO}
    assert found.default == "one"
    assert (environment.home / "config.toml").stat().st_mode & 0o777 == 0o600


def test_the_facility_that_is_meant(environment: Environment) -> None:
    with pytest.raises(ConfigurationError, match="sfapi login"):
        read_facilities(environment).chosen(None, environment)
    known = remember(TWO, remember(ONE, read_facilities(environment)))
    assert known.chosen(None, environment) == ONE
    assert known.chosen("two.x", environment) == TWO
    assert known.chosen("https://one.example/", environment) == ONE
    assert known.chosen("http://127.0.0.1:8000", environment) == Facility("127.0.0.1-8000", "http://127.0.0.1:8000")
    assert known.chosen(None, Environment(facility="two.x", system="cori")).system == "cori"
    assert known.chosen(None, Environment(url="https://three.example")).name == "three.example"
    with pytest.raises(ConfigurationError, match=r"one, two\.x"):
        known.chosen("nosuch", environment)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[facilities.a]\n", "needs a url"),
        ('[facilities.a]\nurl="x"\nuser="y"\n', "has no user"),
        ('[facilities."a/b"]\nurl="x"\n', "cannot name"),
        ("x = ", "cannot be read"),
    ],
)
def test_mistakes_are_named(environment: Environment, text: str, words: str) -> None:
    environment.home.mkdir()
    path = environment.home / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=words):
        read_facilities(environment)


def test_a_file_that_others_may_change_is_refused(environment: Environment) -> None:
    remember(ONE, read_facilities(environment))
    (environment.home / "config.toml").chmod(0o620)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_facilities(environment)


@pytest.mark.parametrize(
    ("url", "name"), [("https://api.example.org/api/v1.2", "api.example.org"), ("[::1]:80", "---1--80")]
)
def test_names_from_addresses(url: str, name: str) -> None:
    assert name_of(url) == name
