"""Codes, refresh tokens, waiting devices and pushed requests."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, update

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.access.application_rows import device_of
from superfacility.adapters.sql.stores.access.applications import add_grant
from superfacility.adapters.sql.stores.access.clients import GENERATION
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.tables import (
    authorization_codes,
    code_guesses,
    device_requests,
    grants,
    pushed_requests,
    refresh_tokens,
)
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import UserName
from superfacility.oauth.applications import Grant, GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.provider.tickets import (
    AuthorizationCode,
    Decision,
    DeviceRequest,
    PushedRequest,
    RefreshToken,
)


def _by_key(table: Table) -> PreparedRead:
    return PreparedRead(select(table).where(table.c.key == bindparam("key")))


_CODE, _REFRESH = _by_key(authorization_codes), _by_key(refresh_tokens)
_DEVICE, _PUSHED = _by_key(device_requests), _by_key(pushed_requests)
_TYPED = PreparedRead(select(device_requests).where(device_requests.c.user_code == bindparam("key")))


class SqlTicketStore:
    """`TicketStore` over the database: one conditional UPDATE decides who was first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_code(self, code: AuthorizationCode, grant: Grant, pushed: str | None, audit: AuditEntry) -> bool:
        def change(connection: Connection) -> bool:
            used = delete(pushed_requests).where(pushed_requests.c.key == pushed)
            if pushed is not None and not connection.execute(used).rowcount:
                return False
            add_grant(connection, grant)
            connection.execute(insert(authorization_codes).values(asdict(code)))
            add_entry(connection, audit)
            return True

        return await self._database.write(change)

    async def code(self, key: str) -> AuthorizationCode | None:
        row = await self._glance(_CODE, key)
        return None if row is None else AuthorizationCode(**row._asdict())

    async def use_code(
        self, key: str, at: datetime, thumbprint: str | None, refresh: RefreshToken | None, audit: AuditEntry
    ) -> bool:
        def change(connection: Connection) -> bool:
            grant = _used_up(connection, authorization_codes, key, at)
            if grant is not None:
                _hand_out(connection, grant, thumbprint, refresh)
                add_entry(connection, audit)
            return grant is not None

        return await self._database.write(change)

    async def refresh_token(self, key: str) -> RefreshToken | None:
        row = await self._glance(_REFRESH, key)
        if row is None:
            return None
        return RefreshToken(row.key, GrantId(row.grant), ClientId(row.application), row.expires_at, row.used_at)

    async def rotate(self, key: str, at: datetime, successor: RefreshToken, audit: AuditEntry) -> bool:
        def change(connection: Connection) -> bool:
            grant = _used_up(connection, refresh_tokens, key, at)
            if grant is not None:
                connection.execute(insert(refresh_tokens).values(asdict(successor)))
                add_entry(connection, audit)
            return grant is not None

        return await self._database.write(change)

    async def prolong(self, key: str, expires_at: datetime, audit: AuditEntry) -> bool:
        unused = (refresh_tokens.c.key == key, refresh_tokens.c.used_at.is_(None))

        def change(connection: Connection) -> bool:
            found = connection.execute(update(refresh_tokens).where(*unused).values(expires_at=expires_at)).rowcount
            if found:
                add_entry(connection, audit)
            return bool(found)

        return await self._database.write(change)

    async def add_device(self, request: DeviceRequest) -> bool:
        sets = {"scopes": sorted(request.scopes), "identity": sorted(request.identity)}
        row = asdict(request) | sets | {"decision": request.decision.value}
        statement = insert_ignoring(device_requests)
        return await self._database.write(lambda connection: connection.execute(statement, row).rowcount == 1)

    async def device(self, key: str) -> DeviceRequest | None:
        row = await self._glance(_DEVICE, key)
        return None if row is None else device_of(row)

    async def device_of(self, user_code: str) -> DeviceRequest | None:
        row = await self._glance(_TYPED, user_code)
        return None if row is None else device_of(row)

    async def asked(self, key: str, at: datetime, interval: int) -> None:
        statement = update(device_requests).where(device_requests.c.key == key)
        await self._database.write(
            lambda connection: connection.execute(statement.values(asked_at=at, interval=interval)), turn=None
        )

    async def decide(self, key: str, grant: Grant | None, audit: AuditEntry) -> bool:
        pending = (device_requests.c.key == key, device_requests.c.decision == Decision.PENDING.value)

        def change(connection: Connection) -> bool:
            if connection.execute(select(device_requests.c.key).where(*pending)).first() is None:
                return False
            if grant is not None:
                add_grant(connection, grant)
            said = Decision.DENIED if grant is None else Decision.ALLOWED
            values = {"decision": said.value, "grant": None if grant is None else grant.id}
            connection.execute(update(device_requests).where(*pending).values(values))
            add_entry(connection, audit)
            return True

        return await self._database.write(change)

    async def use_device(
        self, key: str, at: datetime, thumbprint: str | None, refresh: RefreshToken | None, audit: AuditEntry
    ) -> bool:
        allowed = (device_requests.c.key == key, device_requests.c.decision == Decision.ALLOWED.value)

        def change(connection: Connection) -> bool:
            found = connection.execute(select(device_requests.c.grant).where(*allowed)).first()
            if found is None:
                return False
            connection.execute(update(device_requests).where(*allowed).values(decision=Decision.USED.value))
            _hand_out(connection, found[0], thumbprint, refresh)
            add_entry(connection, audit)
            return True

        return await self._database.write(change)

    async def push(self, request: PushedRequest) -> None:
        row = asdict(request) | {"parameters": dict(request.parameters)}
        await self._database.write(lambda connection: connection.execute(insert(pushed_requests), row), turn=None)

    async def pushed(self, key: str) -> PushedRequest | None:
        row = await self._glance(_PUSHED, key)
        return None if row is None else PushedRequest(**row._asdict())

    async def guess(self, user: UserName, at: datetime, since: datetime, limit: int) -> bool:
        made = select(func.count()).where(code_guesses.c.user == user, code_guesses.c.at >= since)

        def change(connection: Connection) -> bool:
            if (connection.scalar(made) or 0) >= limit:
                return False
            connection.execute(insert(code_guesses).values(user=user, at=at))
            return True

        return await self._database.write(change)

    async def forget(self, before: datetime) -> int:
        tables = (authorization_codes, refresh_tokens, device_requests, pushed_requests)

        def change(connection: Connection) -> int:
            gone = [connection.execute(delete(each).where(each.c.expires_at < before)).rowcount for each in tables]
            return sum(gone) + connection.execute(delete(code_guesses).where(code_guesses.c.at < before)).rowcount

        return await self._database.write(change)

    async def _glance(self, statement: PreparedRead, key: str) -> Any | None:
        try:
            return await self._database.glance(statement, {"key": key})
        except InvalidInput:  # what is not even text is nobody's
            return None


def _used_up(connection: Connection, table: Table, key: str, at: datetime) -> str | None:
    """Its grant, for the first that comes."""
    unused = (table.c.key == key, table.c.used_at.is_(None))
    if not connection.execute(update(table).where(*unused).values(used_at=at)).rowcount:
        return None
    grant: str = connection.execute(select(table.c.grant).where(table.c.key == key)).scalar_one()
    return grant


def _hand_out(connection: Connection, grant: str, thumbprint: str | None, refresh: RefreshToken | None) -> None:
    if thumbprint is not None:
        connection.execute(update(grants).where(grants.c.id == grant).values(key_thumbprint=thumbprint))
        raise_counter(connection, GENERATION)
    if refresh is not None:
        connection.execute(insert(refresh_tokens).values(asdict(refresh)))
