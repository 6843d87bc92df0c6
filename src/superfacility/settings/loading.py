"""Finding, reading and checking the file."""

import os
import tomllib
from pathlib import Path

from pydantic import (
    ValidationError,
)

from superfacility.facility.errors import InvalidInput
from superfacility.settings.facility import Settings

FILE_NAME = "superfacility.toml"


def configuration_file(given: Path | None) -> Path:
    """The file named, or by `SFAPI_CONFIG`, or `superfacility.toml` in this folder."""
    path = given or Path(os.environ.get("SFAPI_CONFIG", FILE_NAME))
    if path.is_dir():
        path /= FILE_NAME
    if not path.is_file():
        raise InvalidInput(
            f"There is no configuration file {path}. Name one with --config or SFAPI_CONFIG, or make one: "
            "sfapi init DIR"
        )
    return path


def load_settings(path: Path) -> Settings:
    """Read and check one file. `InvalidInput` names every key that is wrong."""
    if "{" in str(path.resolve().parent):
        raise InvalidInput(f"{path.resolve().parent} has a brace in its name; move the installation elsewhere.")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InvalidInput(f"{path} cannot be read; mend and try again:\n  {problem}") from problem
    try:
        return Settings(**content).within(path.parent)
    except ValidationError as problem:
        raise InvalidInput(f"{path} is not valid; mend and try again:\n{_explain(problem)}") from problem


def _explain(problem: ValidationError) -> str:
    return "\n".join(
        f"  {'.'.join(map(str, error['loc'])) or 'file'}: "
        + (
            "there is no such setting"
            if error["type"] == "extra_forbidden"
            else error["msg"].removeprefix("Value error, ")
        )
        for error in problem.errors(include_url=False, include_input=False)
    )
