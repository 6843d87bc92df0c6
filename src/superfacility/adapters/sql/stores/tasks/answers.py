"""What requests with a key of their own were answered."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.tasks.changes import KEY, columns_of
from superfacility.adapters.sql.tables import kept_answers
from superfacility.tasks.keys import IdempotencyKey, KeptAnswer

_kept = kept_answers.c
_OF_KEY = tuple(_kept[name] == bindparam(f"of_{name}") for name in KEY)
_BEGIN = insert_ignoring(kept_answers)
_FIND = select(_kept.fingerprint, _kept.begun_at, _kept.text).where(*_OF_KEY)
_KEEP = update(kept_answers).where(*_OF_KEY)
_DROP = delete(kept_answers).where(*_OF_KEY, _kept.text.is_(None))


class SqlAnswerStore:
    """`AnswerStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, key: IdempotencyKey, at: datetime) -> KeptAnswer | None:
        row = {**columns_of(key), "fingerprint": key.fingerprint, "begun_at": at}

        def change(connection: Connection) -> KeptAnswer | None:
            while connection.execute(_BEGIN, row).rowcount == 0:
                if (kept := _found(connection, key)) is not None:  # else it has been dropped meanwhile
                    return kept
            return None

        return await self._database.write(change, turn=None)

    async def find(self, key: IdempotencyKey) -> KeptAnswer | None:
        return await self._database.read(lambda connection: _found(connection, key))

    async def keep(self, key: IdempotencyKey, text: str) -> None:
        statement = _KEEP.values(text=text)
        await self._database.write(lambda connection: connection.execute(statement, _named(key)), turn=None)

    async def drop(self, key: IdempotencyKey) -> None:
        await self._database.write(lambda connection: connection.execute(_DROP, _named(key)), turn=None)

    async def forget(self, before: datetime) -> int:
        statement = delete(kept_answers).where(_kept.begun_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, turn=None)


def _found(connection: Connection, key: IdempotencyKey) -> KeptAnswer | None:
    row = connection.execute(_FIND, _named(key)).one_or_none()
    return None if row is None else KeptAnswer(*row)


def _named(key: IdempotencyKey) -> Mapping[str, str]:
    """Under names that no value of a change has."""
    return {f"of_{name}": value for name, value in columns_of(key).items()}
