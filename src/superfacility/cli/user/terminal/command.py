"""A command: what it takes, what it answers with, and what it does."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from superfacility.cli.user.terminal.output import Output
from superfacility.cli.user.terminal.parsing import Parser

if TYPE_CHECKING:
    from superfacility.client.connection import Connection

_AGAIN = 10.0
"""Seconds that a person at a terminal waits for a facility that does not answer."""


def nothing_more(_: Parser) -> None:
    """For commands without arguments of their own."""


@dataclass(frozen=True, slots=True)
class Command:
    """`answers` names the keys of its JSON and the types behind them; None for a command without JSON. `examples` are
    command lines that its help ends with."""

    run: "Callable[[Call], int]"
    describe: Callable[[Parser], None] = nothing_more
    answers: Mapping[str, Any] | None = field(default_factory=dict)
    text: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A noun with verbs; `usual` is meant where none is named."""

    verbs: Mapping[str, Command]
    usual: str
    text: str = ""


class Call:
    """One run of a command: its options, where it prints, and the connection, which is made when it is needed."""

    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.output = Output(as_json=bool(getattr(options, "json", False)))

    @cached_property
    def connection(self) -> "Connection":
        return self.another_connection()

    def another_connection(self) -> "Connection":
        """For what follows an interrupt, which may have left the first one in the middle of something."""
        from superfacility.client.connection import Connection

        return Connection(self.options.facility, patience=_AGAIN, share_tokens=True)

    def system(self, named: str | None = None) -> str:
        """Named here, by `--system`, by the environment or the configuration, or the only one there is."""
        name = named or getattr(self.options, "system", None) or self.connection.facility.system
        return name or self.connection.only_system()

    def close(self) -> None:
        if "connection" in self.__dict__:
            self.connection.close()
