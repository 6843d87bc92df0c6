"""The generated configuration file loads as what was asked for, and explains what was not."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.cli import demonstration
from superfacility.cli.configuration import reference, render, toml
from superfacility.settings import FILE_NAME, Settings, load_settings


def _load(folder: Path, values: dict[str, Any]) -> Settings:
    file = folder / FILE_NAME
    file.write_text(render(values))
    return load_settings(file)


def test_the_demonstration_loads_with_the_names_that_programs_know(tmp_path: Path) -> None:
    settings = _load(tmp_path, demonstration.configuration("Demo"))
    assert list(settings.systems) == ["perlmutter", "dtns"]
    assert settings.systems["dtns"].aliases == ("dtn01",)
    assert settings.systems["dtns"].scheduler is None
    assert settings.shared_account
    assert {name: place.root for name, place in settings.transfers.endpoints.items()} == {
        "dtn": None,
        "perlmutter": None,
        "hpss": "archive",
    }


def test_lines_without_their_mark_load_as_the_defaults(tmp_path: Path) -> None:
    text = render({"name": "Plain"})
    switched_on = [
        line.removeprefix("# ") if line.startswith("# ") and " = " in line and "..." not in line else line
        for line in text.splitlines()
    ]
    content = tomllib.loads("\n".join(line for line in switched_on if not line.startswith("#")))
    content.pop("public_url")  # what has no default shows an example
    for table, name in (
        ("login", "accounts"),
        ("appearance", "name"),
        ("appearance", "logo"),
        ("appearance", "support"),
    ):
        content[table].pop(name)
    assert Settings(**content) == Settings(name="Plain")


def test_names_and_texts_of_any_kind_survive(tmp_path: Path) -> None:
    changes = [{"date": date(2026, 1, 2), "change": 'He said "no"\n# not a comment'}]
    settings = _load(tmp_path, {"name": 'The "big" \\ one', "changelog": changes})
    assert settings.name == 'The "big" \\ one'
    assert settings.changelog[0].day == date(2026, 1, 2)
    assert settings.changelog[0].change == 'He said "no"\n# not a comment'


_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab-_ .é", min_size=1), inner, max_size=3),
)


@given(_VALUES)
def test_every_value_reads_back(value: Any) -> None:
    assert tomllib.loads(f"key = {toml(value)}") == {"key": value}


@pytest.mark.parametrize(
    "key", ["`public_url`", "## `[systems.NAME.charging]`", "`compat` or `strict`", "[[changelog]]"]
)
def test_the_reference_page_has_tables_of_every_kind(key: str) -> None:
    assert key in reference()
