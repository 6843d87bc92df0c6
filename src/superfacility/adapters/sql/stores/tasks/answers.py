"""What requests with a key of their own were answered."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.tasks.changes import KEY, columns_of
from superfacility.adapters.sql.tables import kept_answers
from superfacility.tasks.keys import KEPT_FOR, MOST_KEPT, IdempotencyKey, KeptAnswer, too_many_keys

PURGE_AT_ONCE = 500
"""Answers deleted in one transaction, so that others need not wait long."""
_kept = kept_answers.c
_OF_KEY = tuple(_kept[name] == bindparam(f"of_{name}") for name in KEY)
_BEGIN = insert_ignoring(kept_answers)
_FIND = select(_kept.fingerprint, _kept.begun_at, _kept.text).where(*_OF_KEY)
_KEEP = update(kept_answers).where(*_OF_KEY)
_DROP = delete(kept_answers).where(*_OF_KEY, _kept.text.is_(None))


class SqlAnswerStore:
    """`AnswerStore` over the database."""

    def __init__(self, database: Database, most: int = MOST_KEPT) -> None:
        self._database = database
        self._most = most
        last = select(_kept.key).where(_kept.client_id == bindparam("caller")).limit(1).offset(most - 1)
        # The first is looked up in the primary key alone, which begins with the caller; few are asked the second.
        self._bounds = (last, last.where(_kept.begun_at > bindparam("since")))

    async def begin(self, key: IdempotencyKey, at: datetime) -> KeptAnswer | None:
        row = {**columns_of(key), "fingerprint": key.fingerprint, "begun_at": at}

        def change(connection: Connection) -> KeptAnswer | None:
            if self._is_full(connection, key, at):
                if (kept := _found(connection, key)) is not None:
                    return kept
                raise too_many_keys(self._most)
            while connection.execute(_BEGIN, row).rowcount == 0:
                if (kept := _found(connection, key)) is not None:  # else it has been dropped meanwhile
                    return kept
            return None

        return await self._database.write(change, turn=None)

    def _is_full(self, connection: Connection, key: IdempotencyKey, at: datetime) -> bool:
        """Whether the caller has as many young answers as there may be."""
        asked = {"caller": key.client_id, "since": at - KEPT_FOR}
        return all(connection.execute(bound, asked).first() is not None for bound in self._bounds)

    async def find(self, key: IdempotencyKey) -> KeptAnswer | None:
        return await self._database.read(lambda connection: _found(connection, key))

    async def keep(self, key: IdempotencyKey, text: str) -> None:
        statement = _KEEP.values(text=text)
        await self._database.write(lambda connection: connection.execute(statement, _named(key)), turn=None)

    async def drop(self, key: IdempotencyKey) -> None:
        await self._database.write(lambda connection: connection.execute(_DROP, _named(key)), turn=None)

    async def forget(self, before: datetime) -> int:
        forgotten, last = 0, PURGE_AT_ONCE
        while last == PURGE_AT_ONCE:
            last = await self._database.write(lambda connection: _forget(connection, before), turn=None)
            forgotten += last
        return forgotten


def _forget(connection: Connection, before: datetime) -> int:
    columns = [_kept[name] for name in KEY]
    old = select(*columns).where(_kept.begun_at < before).order_by(_kept.begun_at).limit(PURGE_AT_ONCE)
    return connection.execute(delete(kept_answers).where(tuple_(*columns).in_(old))).rowcount


def _found(connection: Connection, key: IdempotencyKey) -> KeptAnswer | None:
    row = connection.execute(_FIND, _named(key)).one_or_none()
    return None if row is None else KeptAnswer(*row)


def _named(key: IdempotencyKey) -> Mapping[str, str]:
    """Under names that no value of a change has."""
    return {f"of_{name}": value for name, value in columns_of(key).items()}
