"""The configuration file: what is accepted, what is refused and in which words, and what the environment overrides."""

from datetime import timedelta
from pathlib import Path

import pytest

from superfacility.facility.errors import InvalidInput
from superfacility.settings import FILE_NAME, Settings, configuration_file, load_settings

_SYSTEM = """
name = "Test"
[filesystems.home]
kind = "home"
path = "home/{user}"
[systems.perlmutter]
full_name = "Perlmutter"
filesystems = ["home"]
"""


def _load(folder: Path, text: str) -> Settings:
    file = folder / FILE_NAME
    file.write_text(text)
    return load_settings(file)


def test_everything_but_the_name_has_a_default(tmp_path: Path) -> None:
    settings = _load(tmp_path, 'name = "Test"')
    assert settings.public_url is None
    assert not settings.shared_account
    assert settings.server.trusted_proxies == ()
    assert settings.client_lifetimes["red"] == timedelta(days=2)


def test_relative_paths_begin_in_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = _load(tmp_path, _SYSTEM)
    assert settings.database_location == tmp_path / "superfacility.db"
    assert settings.template(settings.filesystems["home"].path) == f"{tmp_path}/home/{{user}}"
    assert settings.template("/global/homes/{initial}/{user}") == "/global/homes/{initial}/{user}"


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://u:the%secret@h/db",
        "postgresql://u:the secret@h/db",
        "postgresql://u:the@secret@h/db",
        "postgresql://u:the/secret@h/db",
        "postgresql://u:secret@[::1/db",
        "postgresql:u:secret@h/db",
        "postgres+psycopg://u:secret@h/db",
        "host=h user=u password=secret",
        "user=u password='the secret'",
    ],
)
def test_an_address_that_cannot_be_read_shows_no_password(tmp_path: Path, location: str) -> None:
    """What reads it later would quote the part that it does not understand."""
    with pytest.raises(InvalidInput, match="database: ") as refused:
        _load(tmp_path, f'name = "T"\ndatabase = "{location}"')
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://",
        "postgresql:///sfapi?host=/run/postgresql",
        "postgres://u:a%40b:c%25@h1:5432,h2,[::1]:5433/db?target_session_attrs=read-write&sslrootcert=/a@b",
        "postgresql://%2Frun%2Fpostgresql/db",
    ],
)
def test_an_address_as_libpq_reads_it_is_taken(tmp_path: Path, location: str) -> None:
    settings = _load(tmp_path, f'name = "T"\ndatabase = "{location}"')
    assert settings.database_location == location


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "T"\ncolour = "red"', "colour: there is no such setting"),
        ('name = "T"\n[server]\nworker = 2', "server.worker: there is no such setting"),
        (_SYSTEM + "schedular = 1", "systems.perlmutter.schedular: there is no such setting"),
        ("", "name: Field required"),
        ('name = "T"\npublic_url = "api.example.org"', "  public_url: must begin with https://"),
        ('name = "T"\n[server]\ntrusted_proxies = ["10.0.0.1/8"]', "server.trusted_proxies.0"),
        (
            _SYSTEM.replace('["home"]', '["home", "scratch"]'),
            "  file: system perlmutter mounts filesystems that are not there: scratch",
        ),
        (_SYSTEM.replace("{user}", "{name}"), "knows {user}, {initial} and {project}, not name"),
        (_SYSTEM + '[transfers.endpoints.dtn]\nsystem = "dtns"', "a system that is not there: dtns"),
        (_SYSTEM + 'aliases = ["perlmutter"]', "two systems have the same name or alias"),
        ('name = "T"\n[systems.workers]\nfull_name = "W"', "'workers' cannot be a name"),
        ('name = "T"\n[limits.lifetimes]\nred = 0', "limits.lifetimes.red"),
        ("name = ", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _load(tmp_path, text)
    assert words in str(refusal.value)
    assert FILE_NAME in str(refusal.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _load(tmp_path, 'colour = "red"\n[server]\nworkers = 0')
    assert all(word in str(refusal.value) for word in ("colour", "server.workers", "name"))


def test_options_of_adapters_are_kept_for_them(tmp_path: Path) -> None:
    settings = _load(tmp_path, _SYSTEM + 'scheduler = { adapter = "embedded", cores = 4 }')
    scheduler = settings.systems["perlmutter"].scheduler
    assert scheduler is not None
    assert (scheduler.adapter, scheduler.options) == ("embedded", {"cores": 4})


def test_the_environment_overrides_one_key_and_keeps_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFAPI_NAME", "Other")
    monkeypatch.setenv("SFAPI_SERVER__LOG_LEVEL", "debug")
    settings = _load(tmp_path, _SYSTEM + "[server]\ngraceful_seconds = 3")
    assert (settings.name, settings.server.log_level, settings.server.graceful_seconds) == ("Other", "debug", 3)


def test_the_file_is_named_by_argument_or_environment_or_found_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / FILE_NAME).write_text(_SYSTEM)
    monkeypatch.chdir(here)
    monkeypatch.delenv("SFAPI_CONFIG", raising=False)
    assert configuration_file(None).resolve() == here / FILE_NAME
    monkeypatch.setenv("SFAPI_CONFIG", str(there))
    assert configuration_file(None) == there / FILE_NAME
    assert configuration_file(here / FILE_NAME) == here / FILE_NAME


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="sfapi init"):
        configuration_file(tmp_path / "nowhere.toml")


def test_a_brace_in_the_folder_is_refused_for_it_would_be_taken_for_a_variable(tmp_path: Path) -> None:
    folder = tmp_path / "{user}"
    folder.mkdir()
    with pytest.raises(InvalidInput, match="brace"):
        _load(folder, _SYSTEM)


def test_every_setting_is_explained() -> None:
    def fields(model: type) -> list[tuple[str, str | None]]:
        return [(f"{model.__name__}.{name}", field.description) for name, field in model.model_fields.items()]

    from superfacility import settings

    modules = (settings.facility, settings.machines, settings.service, settings.values)
    found = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    models = [each for each in found if hasattr(each, "model_fields") and each.__module__.startswith(settings.__name__)]
    described = [pair for model in models for pair in fields(model)]
    assert len(described) > 40
    assert [name for name, text in described if not text] == []
