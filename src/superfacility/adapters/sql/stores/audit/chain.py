"""The chain of the audit log: seals are columns of its rows, written once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.audit.log import FIELDS
from superfacility.adapters.sql.tables import audit, audit_anchor, unsealed
from superfacility.facility.audit import AuditEntry
from superfacility.facility.audit.chain import (
    GENESIS,
    ChainBroken,
    Extension,
    Seal,
    SealedEntry,
    anchor_proof,
    check_anchor,
    is_next,
    next_seal,
)
from superfacility.facility.audit.proofs import entry_proof, proves

_TURN = "audit"
_PAGE = 1000
_SOME = 20
_COLUMNS = (audit.c.id, audit.c.proof, *(audit.c[name] for name in FIELDS))
_WAITING = select(*_COLUMNS).where(unsealed).order_by(audit.c.id)
_LAST = select(audit.c.position, audit.c.digest).where(audit.c.position.is_not(None)).order_by(audit.c.position.desc())
_SEAL = (
    update(audit).where(audit.c.id == bindparam("row")).values(position=bindparam("place"), digest=bindparam("seal"))
)


class SqlAuditChain:
    """`AuditChain` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def extend(self, key: bytes, limit: int = _PAGE) -> Extension:
        def change(connection: Connection) -> Extension:
            seal, sealed, foreign = _head(connection), [], 0
            for number, proof, *values in connection.execute(_WAITING.limit(limit)):
                entry = AuditEntry(*values)
                seal = next_seal(key, seal, number, entry, proof)
                sealed.append(_sealing(number, seal))
                foreign += proof is None or not proves(key, entry, proof)
            if sealed:
                connection.execute(_SEAL, sealed)
            return Extension(seal, len(sealed), foreign)

        if not await self.unsealed():  # most of the time, and then nobody waits for a turn
            return Extension(await self.head())
        return await self._database.write(change, turn=_TURN)

    async def head(self) -> Seal:
        return await self._database.read(_head)

    async def seal_at(self, position: int) -> Seal | None:
        query = select(audit.c.position, audit.c.digest).where(audit.c.position == position)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else Seal(*row)

    async def anchor(self) -> tuple[Seal, bytes | None]:
        return await self._database.read(_anchor)

    async def unsealed(self) -> int:
        query = select(func.count()).select_from(audit).where(unsealed)
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def copies(self) -> Sequence[int]:
        twice = select(audit.c.proof).where(audit.c.proof.is_not(None)).group_by(audit.c.proof)
        query = select(audit.c.id).where(audit.c.proof.in_(twice.having(func.count() > 1))).order_by(audit.c.id)
        return await self._database.read(lambda connection: connection.scalars(query.limit(_SOME)).all())

    async def walk(self) -> AsyncIterator[SealedEntry]:
        after = -1
        while True:
            page = await self._database.read(partial(_sealed_after, after=after, limit=_PAGE))
            for sealed in page:
                yield sealed
            if len(page) < _PAGE:
                return
            after = page[-1].seal.position

    async def purge(self, key: bytes, before: datetime, limit: int = _PAGE) -> int:
        def change(connection: Connection) -> int:
            anchor, proof = _anchor(connection)
            if not check_anchor(key, anchor, proof):
                raise ChainBroken(f"The beginning of the audit log at position {anchor.position} is not ours.")
            last = anchor
            for sealed in _sealed_after(connection, anchor.position, limit):
                if not is_next(key, last, sealed):
                    raise ChainBroken(f"Position {last.position + 1} of the audit log is not what was sealed.")
                if sealed.entry.at >= before:
                    break
                last = sealed.seal
            if last == anchor:
                return 0
            connection.execute(delete(audit_anchor))
            connection.execute(insert(audit_anchor), _anchoring(last, anchor_proof(key, last)))
            return connection.execute(delete(audit).where(audit.c.position <= last.position)).rowcount

        return await self._database.write(change, turn=_TURN)


def prove_unsealed(connection: Connection, key: bytes) -> int:
    """Once, when proofs come to a database that had none: what waits to be sealed was written by the version before.
    Returns how many."""
    rows = connection.execute(select(*_COLUMNS).where(unsealed, audit.c.proof.is_(None))).all()
    for number, _, *values in rows:
        proof = entry_proof(key, AuditEntry(*values))
        connection.execute(update(audit).where(audit.c.id == number).values(proof=proof))
    return len(rows)


def _sealed_after(connection: Connection, after: int, limit: int) -> Sequence[SealedEntry]:
    page = select(*_COLUMNS, audit.c.position, audit.c.digest).where(audit.c.position > after)
    rows = connection.execute(page.order_by(audit.c.position).limit(limit))
    return [SealedEntry(row[0], AuditEntry(*row[2:-2]), Seal(row[-2], row[-1]), row[1]) for row in rows]


def _head(connection: Connection) -> Seal:
    row = connection.execute(_LAST.limit(1)).first()
    return _anchor(connection)[0] if row is None else Seal(*row)


def _anchor(connection: Connection) -> tuple[Seal, bytes | None]:
    row = connection.execute(select(audit_anchor)).first()
    return (Seal(0, GENESIS), None) if row is None else (Seal(row.position, row.digest), row.proof)


def _sealing(number: int, seal: Seal) -> Mapping[str, Any]:
    return {"row": number, "place": seal.position, "seal": seal.digest}


def _anchoring(anchor: Seal, proof: bytes) -> Mapping[str, Any]:
    return {"position": anchor.position, "digest": anchor.digest, "proof": proof}
