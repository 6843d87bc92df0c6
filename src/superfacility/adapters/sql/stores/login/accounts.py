"""Built-in accounts, and the links that set their passwords."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.login.sessions import end_sessions
from superfacility.adapters.sql.tables import login_accounts, login_links, users
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.identity.accounts import Account, LinkPurpose, LoginLink

_account = login_accounts.c


class SqlAccountStore:
    """`AccountStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def account(self, user: UserName) -> Account | None:
        query = select(login_accounts).where(_account.user == user)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _found(row)

    async def set_password(self, user: UserName, password: str, audit: AuditEntry) -> None:
        await self._database.write(lambda connection: _set_password(connection, user, password, audit))

    async def rehash(self, user: UserName, old: str, new: str) -> None:
        statement = update(login_accounts).where(_account.user == user, _account.password == old)
        await self._database.write(lambda connection: connection.execute(statement.values(password=new)).close())

    async def set_second_factor(
        self, user: UserName, totp: str | None, step: int, recovery: tuple[str, ...], audit: AuditEntry
    ) -> None:
        await self._change(user, audit, totp=totp, totp_step=step, recovery=list(recovery))

    async def set_recovery(self, user: UserName, recovery: tuple[str, ...], audit: AuditEntry) -> None:
        await self._change(user, audit, recovery=list(recovery))

    async def _change(self, user: UserName, audit: AuditEntry, **values: Any) -> None:
        statement = update(login_accounts).where(_account.user == user).values(values)

        def change(connection: Connection) -> None:
            _have_account(connection, user, audit.at)
            connection.execute(statement)
            add_entry(connection, audit)

        await self._database.write(change)

    async def use_step(self, user: UserName, step: int) -> bool:
        unspent = update(login_accounts).where(_account.user == user, _account.totp_step < step)
        statement = unspent.values(totp_step=step)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount == 1)

    async def use_recovery(self, user: UserName, digest: str, audit: AuditEntry) -> bool:
        def change(connection: Connection) -> bool:
            kept = connection.scalar(select(_account.recovery).where(_account.user == user)) or []
            if digest not in kept:
                return False
            left = [each for each in kept if each != digest]
            connection.execute(update(login_accounts).where(_account.user == user).values(recovery=left))
            add_entry(connection, audit)
            return True

        return await self._database.write(change)

    async def add_link(self, link: LoginLink, audit: AuditEntry) -> None:
        row = {"digest": link.digest, "user": link.user, "purpose": link.purpose.value, "expires_at": link.expires_at}

        def change(connection: Connection) -> None:
            _require_user(connection, link.user)
            _drop_links(connection, link.user)
            connection.execute(insert(login_links), row)
            add_entry(connection, audit)

        await self._database.write(change)

    async def link(self, digest: str) -> LoginLink | None:
        query = select(login_links).where(login_links.c.digest == digest)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            return None
        return LoginLink(row.digest, UserName(row.user), LinkPurpose(row.purpose), row.expires_at)

    async def use_link(self, link: LoginLink, password: str, audit: AuditEntry) -> bool:
        spent = delete(login_links).where(login_links.c.digest == link.digest)

        def change(connection: Connection) -> bool:
            if not connection.execute(spent).rowcount:
                return False
            _set_password(connection, link.user, password, audit)
            return True

        return await self._database.write(change)

    async def forget_links(self, before: datetime) -> int:
        statement = delete(login_links).where(login_links.c.expires_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, turn=None)


def _set_password(connection: Connection, user: UserName, password: str, audit: AuditEntry) -> None:
    _have_account(connection, user, audit.at)
    statement = update(login_accounts).where(_account.user == user)
    connection.execute(statement.values(password=password, changed_at=audit.at))
    end_sessions(connection, user)
    _drop_links(connection, user)
    add_entry(connection, audit)


def _have_account(connection: Connection, user: UserName, at: datetime) -> None:
    if connection.scalar(select(_account.user).where(_account.user == user)) is None:
        _require_user(connection, user)
        none: list[str] = []
        row = {"user": user, "password": None, "changed_at": at, "totp": None, "totp_step": 0, "recovery": none}
        connection.execute(insert(login_accounts), row)


def _require_user(connection: Connection, user: UserName) -> None:
    if connection.scalar(select(users.c.name).where(users.c.name == user)) is None:
        raise NotFound(f"There is no user {user}: add it first.")


def _drop_links(connection: Connection, user: UserName) -> None:
    connection.execute(delete(login_links).where(login_links.c.user == user))


def _found(row: Any) -> Account:
    return Account(UserName(row.user), row.password, row.changed_at, row.totp, row.totp_step, tuple(row.recovery))
