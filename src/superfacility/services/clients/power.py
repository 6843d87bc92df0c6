"""The one rule of how far power goes on: a program gives no more than it has.

A person who has logged in may make what their facility allows. A program (a client by its key) may make clients that
can do nothing that it cannot do itself, from nowhere else, and not a moment longer; they end with it. So a stolen key
is worth what it was worth when it was stolen: it cannot renew itself, nor outlive itself in what it has made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from superfacility.facility.errors import Conflict, NotPermitted
from superfacility.facility.people import User, UserName
from superfacility.oauth.addresses import is_within
from superfacility.oauth.clients import Client, ClientStore
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.access.provider.known import COMMAND_LINE_ID


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes or changes clients: a person, or the program `client` with what its token has of its `scopes`."""

    principal: Principal
    client: Client | None = None

    def own(self, client: Client) -> Client:
        """A new client in the hands of who makes it. It ends with the program that has made it."""
        made_by = None if self.client is None else self.client.id
        return replace(client, holder=self.holder_of(client), made_by=made_by)

    def holder_of(self, client: Client) -> UserName | None:
        """In whose hands a client is that is given a key here: those of who has the key of the program that does it."""
        return holder_of(client.user, self.principal.user) if self.client is None else self.client.holder


def holder_of(user: UserName, person: User) -> UserName | None:
    """Who has the key of a client that acts as `user`, if that is not the user."""
    return None if person.name == user else person.name


async def maker_of(principal: Principal, clients: ClientStore) -> Maker:
    """`NotPermitted` for an application of somebody else: what it made would go on after its login has ended."""
    if principal.grant is not None:
        if principal.client_id != COMMAND_LINE_ID:
            raise NotPermitted("Applications may not make or change your clients: do it yourself, after `sfapi login`.")
        return Maker(principal)
    client = await clients.client(principal.client_id)
    if client is None:
        raise NotPermitted("Only registered clients and people who have logged in may make or change clients.")
    return Maker(principal, client)


def is_person(principal: Principal) -> bool:
    """Somebody who has logged in at the command line, and no program or application of others in their name."""
    return principal.grant is not None and principal.client_id == COMMAND_LINE_ID


def require_person(principal: Principal, what: str) -> None:
    """`NotPermitted` for a program: a stolen key must not do this."""
    if not is_person(principal):
        raise NotPermitted(f"{what} is for people, not for programs: log in first, with `sfapi login`.")


def check_power(maker: Maker, wanted: Client) -> None:
    """`NotPermitted` unless the maker may give a client all that this one has."""
    if maker.client is None:
        return
    if beyond := _beyond(maker.client, maker.client.scopes & maker.principal.scopes, wanted):
        raise NotPermitted(
            f"A program makes no client that can do more than itself, and this one would {', '.join(beyond)}: "
            "ask for less, or make it yourself, after `sfapi login`."
        )


def check_reach(maker: Maker, client: Client) -> None:
    """`NotPermitted` unless the maker may change this client at all: a program touches itself, and what it has made."""
    if maker.client is not None and maker.client.id not in (client.id, client.made_by):
        raise NotPermitted(
            "A program changes itself and the clients that it has made, no others: do it yourself, after `sfapi login`."
        )


def check_end(maker: Client | None, client: Client) -> None:
    """`Conflict` if a client would outlive the one that made it."""
    if client.made_by is None:
        return
    if maker is None or maker.revoked_at is not None or maker.expires_at < client.expires_at:
        raise Conflict(
            f"This client ends with {client.made_by}, which has made it: renew that one first, or create a new one."
        )


def exceeding(changed: Client, others: Sequence[Client]) -> list[Client]:
    """Those that a client has made, and that can do more than it can after a change."""
    return [
        each
        for each in others
        if each.made_by == changed.id and each.revoked_at is None and _beyond(changed, changed.scopes, each)
    ]


def _beyond(maker: Client, scopes: frozenset[Scope], wanted: Client) -> list[str]:
    found = {
        "act as another user": wanted.user != maker.user,
        f"have the level {wanted.level.label}": wanted.level > maker.level,
        f"have the scopes {', '.join(sorted(wanted.scopes - scopes))}": not wanted.scopes <= scopes,
        "be used from other addresses": not all(is_within(each, maker.ranges) for each in wanted.ranges),
        "live longer": wanted.expires_at > maker.expires_at,
        f"leave the project {maker.project}": maker.project is not None and wanted.project != maker.project,
        "prove itself less strictly": (maker.strict and not wanted.strict) or (maker.dpop and not wanted.dpop),
        "move data between named endpoints": wanted.globus and not maker.globus,
    }
    return [what for what, true in found.items() if true]
