"""What is run on a system as a user: an argument list, never a string."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OUTPUT_LIMIT = 16 * 1024 * 1024
"""Bytes kept of each stream of a command unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Command:
    """One program with its arguments.

    `login` runs it inside the user's login shell environment (start-up files read); otherwise nothing of the user's
    runs.
    `time_limit` is in seconds; when it passes the whole process group is killed.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str | None = None
    """`None` is the user's home."""
    stdin: bytes = b""
    login: bool = False
    time_limit: float = 60.0
    output_limit: int = OUTPUT_LIMIT


@dataclass(frozen=True, slots=True)
class CommandResult:
    """`exit_code` is 128 + n after signal n, as a shell says. `truncated`: a stream was longer than the limit."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    truncated: bool = False
