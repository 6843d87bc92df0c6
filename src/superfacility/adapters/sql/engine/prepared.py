"""SELECTs that are compiled once, for reads that are made with every request."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

Convert = Callable[[Any], Any]
_FLOAT8 = 701
"""What PostgreSQL sends our floating point columns as; only their converters ask."""


class CompiledRead:
    """A SELECT in one database's words."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        self.sql = str(statement.compile(dialect=dialect))
        columns = list(statement.selected_columns)
        self._row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        convert = [column.type.dialect_impl(dialect).result_processor(dialect, _FLOAT8) for column in columns]
        self._convert: list[tuple[int, Convert]] = [(i, c) for i, c in enumerate(convert) if c is not None]

    def row(self, found: Sequence[Any]) -> Any:
        """Attributes named as the columns, of Python's types."""
        values = list(found)
        for index, convert in self._convert:
            values[index] = convert(values[index])
        return self._row._make(values)


class PreparedRead:
    """A SELECT of at most one row, whose parameters have names."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement

    @cached_property
    def sqlite(self) -> CompiledRead:
        return CompiledRead(self._statement, sqlite.dialect(paramstyle="named"))

    @cached_property
    def postgresql(self) -> CompiledRead:
        return CompiledRead(self._statement, PGDialect_psycopg())  # type: ignore[no-untyped-call]
