"""The generated pages name everything, and a stale one is noticed."""

import re
from pathlib import Path

import pytest

from superfacility.cli import generate
from superfacility.oauth.scopes import Scope, SecurityLevel


def test_the_page_of_scopes_has_every_level_and_scope() -> None:
    page = generate.scope_page()
    assert all(f"| {level.label} |" in page for level in SecurityLevel)
    assert all(f"| `{scope}` |" in page for scope in Scope)


def test_the_page_of_commands_has_every_command_and_its_options() -> None:
    page = generate.command_page()
    for command in ("init", "check", "migrate", "serve", "worker", "admin client create", "admin project member add"):
        assert f"# sfapi {command}\n" in page
    assert all(option in page for option in ("--demo", "--port", "--json", "--ip", "--out"))
    assert "--inherited" not in page
    assert "\nsfapi admin user add [OPTIONS] NAME\n" in page


def test_every_command_of_an_operator_prints_json_on_request() -> None:
    sections = re.split(r"\n#+ sfapi admin ", generate.command_page())[1:]
    commands = {section.partition("\n")[0]: section for section in sections}
    nouns = {name for name in commands if any(other.startswith(f"{name} ") for other in commands)}
    assert len(commands.keys() - nouns) > 30
    assert [name for name in commands.keys() - nouns if "`--json`" not in commands[name]] == []


def test_a_stale_and_a_missing_page_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {Path("docs/one.md"): "one", Path("docs/two.md"): "two", Path("three.json"): "{}"}
    monkeypatch.setattr(generate, "_ROOT", tmp_path)
    monkeypatch.setattr(generate, "pages", lambda: texts)
    generate.write()
    assert list(generate.stale()) == []
    (tmp_path / "docs" / "one.md").write_text("older")
    (tmp_path / "three.json").unlink()
    assert list(generate.stale()) == [Path("docs/one.md"), Path("three.json")]
