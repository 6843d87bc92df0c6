"""What the stores say of clients and grants, remembered for as long as nobody changes anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from superfacility.core.clock import Clock
from superfacility.facility.people import KnownUsers, User, UserName
from superfacility.oauth.access import check_address, check_client, check_grant
from superfacility.oauth.access_tokens import AccessToken, bad_token
from superfacility.oauth.addresses import in_ranges
from superfacility.oauth.applications import Application, Grant, GrantId
from superfacility.oauth.clients import Client, ClientId, ClientStore
from superfacility.oauth.errors import AccessRefused, Reason
from superfacility.oauth.principal import Principal
from superfacility.oauth.revoked_tokens import RevokedTokens
from superfacility.oauth.scopes import SecurityLevel

CACHED_RECORDS = 10_000
RECHECK_SECONDS = 30.0
"""A user who is made inactive does not raise the clients' generation in every store: look again after this long."""

Networks = Mapping[SecurityLevel, tuple[str, ...]]
"""CIDRs from which applications may be used, by level; none at all: from anywhere."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Record(Protocol):
    """What stands behind a token, as the store said at a generation and a monotonic second."""

    @property
    def generation(self) -> int: ...

    @property
    def read_at(self) -> float: ...

    def check(self, now: datetime) -> None:
        """`AccessRefused` unless it is in force."""

    def check_token(self, token: AccessToken) -> None:
        """`AccessRefused` for one that was given back, or lacks the key that its client's tokens must have by now."""

    def principal(self, token: AccessToken, address: str) -> Principal:
        """`AccessRefused` for a token that was given back, or an address that it may not be used from."""


class GrantSource(Protocol):
    """Where grants and their applications are looked up."""

    async def grant(self, grant_id: GrantId) -> Grant | None: ...

    async def application(self, application_id: ClientId) -> Application | None: ...


class Managers(Protocol):
    """Who may act as an account that several people manage."""

    async def managers(self, name: UserName) -> Sequence[UserName]:
        """Nobody for any other user."""


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """A registered program and the user as whom it acts."""

    client: Client | None
    user: User | None
    generation: int
    read_at: float
    revoked: frozenset[str] = frozenset()
    held: bool = True
    """Whether who has its key may act as its user."""

    def check(self, now: datetime) -> None:
        check_client(self.client, self.user, now, held=self.held)

    def check_token(self, token: AccessToken) -> None:
        if token.jti in self.revoked:
            raise AccessRefused(Reason.BAD_TOKEN, "This access token was given back: fetch a new one.")
        if self.client is None:
            return
        if (self.client.dpop and token.thumbprint is None) or token.holder != self.client.holder:
            raise bad_token()

    def principal(self, token: AccessToken, address: str) -> Principal:
        client, user = self.client, self.user
        assert client
        assert user
        if token.user != client.user:
            raise bad_token()
        self.check_token(token)
        check_address(client.id, client.ranges, address)
        return Principal(
            user=user,
            client_id=client.id,
            level=client.level,
            scopes=client.usable_scopes & token.scopes,
            address=address,
            expires_at=datetime.fromtimestamp(token.expires, UTC),
            project=client.project,
            globus=client.globus,
        )


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """What a person has allowed an application. It has what all three have: person, application, token. The power of
    staff is not a person's to lend: only the facility's own application has it."""

    grant: Grant | None
    application: Application | None
    user: User | None
    generation: int
    read_at: float
    networks: Networks

    def check(self, now: datetime) -> None:
        check_grant(self.grant, self.application, self.user, now)

    def check_token(self, token: AccessToken) -> None:
        """Giving a token back ends its grant."""

    def principal(self, token: AccessToken, address: str) -> Principal:
        grant, application, user = self.grant, self.application, self.user
        assert grant
        assert application
        assert user
        if (token.user, token.client_id) != (grant.user, grant.application) or grant.key_thumbprint != token.thumbprint:
            raise bad_token()
        scopes = grant.scopes & application.scopes & token.scopes
        level = min(application.level, grant.level)
        self._check_address(level, address)
        return Principal(
            user=user if application.owner is None else replace(user, staff=False),
            client_id=application.id,
            level=level,
            scopes=scopes,
            address=address,
            expires_at=datetime.fromtimestamp(token.expires, UTC),
            grant=grant.id,
        )

    def _check_address(self, level: SecurityLevel, address: str) -> None:
        ranges = self.networks.get(level, ())
        if ranges and not in_ranges(address, ranges):
            raise AccessRefused(
                Reason.WRONG_ADDRESS,
                f"At this facility applications may not be used at level {level.label} from the address {address}: "
                "ask its staff from where they may.",
            )


@dataclass(slots=True)
class Records:
    """Reads each again whenever the store's generation has grown."""

    clients: ClientStore
    grants: GrantSource | None
    people: KnownUsers
    clock: Clock
    networks: Networks = field(default_factory=dict)
    revoked: RevokedTokens | None = None
    managers: Managers | None = None
    """None: nobody holds a client for another account."""
    _clients: dict[ClientId, ClientRecord] = field(default_factory=dict)
    _grants: dict[GrantId, GrantRecord] = field(default_factory=dict)

    def clear(self) -> None:
        self._clients.clear()
        self._grants.clear()

    async def of(self, token: AccessToken, generation: int) -> Record:
        if token.grant is None:
            return await self.client(token.client_id, generation)
        return await self.grant(token.grant, generation)

    async def client(self, client_id: ClientId, generation: int) -> ClientRecord:
        """`generation` was read before the record, so that a change in between is noticed by the next request."""
        record, now = self._clients.get(client_id), self.clock.monotonic()
        if record is not None and record.generation == generation and now - record.read_at < RECHECK_SECONDS:
            return record
        client = await self.clients.client(client_id)
        user = None if client is None else await self.people.user(client.user)
        revoked = frozenset[str]() if client is None or self.revoked is None else await self.revoked.of(client_id)
        held = client is None or await self._is_held(client)
        record = ClientRecord(client, user, generation, now, revoked, held)
        if client is not None:  # what does not exist is not remembered: anybody can make up ids
            _keep(self._clients, client_id, record)
        return record

    async def _is_held(self, client: Client) -> bool:
        if client.holder is None:
            return True
        holder = await self.people.user(client.holder)
        if holder is None or not holder.active or self.managers is None:
            return False
        return client.holder in await self.managers.managers(client.user)

    async def grant(self, grant_id: GrantId, generation: int) -> GrantRecord:
        """The same of a grant."""
        record, now = self._grants.get(grant_id), self.clock.monotonic()
        if record is not None and record.generation == generation and now - record.read_at < RECHECK_SECONDS:
            return record
        grant = None if self.grants is None else await self.grants.grant(grant_id)
        application = user = None
        if grant is not None and self.grants is not None:
            application = await self.grants.application(grant.application)
            user = await self.people.user(grant.user)
        record = GrantRecord(grant, application, user, generation, now, self.networks)
        if grant is not None:
            _keep(self._grants, grant_id, record)
        return record


def _keep(kept: dict[Key, Value], key: Key, value: Value) -> None:
    while len(kept) >= CACHED_RECORDS:
        del kept[next(iter(kept))]
    kept[key] = value
