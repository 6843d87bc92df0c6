"""Clients beyond what people may make by themselves: they ask, and staff decide."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from superfacility.core.identifiers import new_client_id, new_uuid
from superfacility.facility.errors import Conflict, FacilityError, InvalidInput, NotFound, NotPermitted, TooMany
from superfacility.facility.people import UserName
from superfacility.oauth.clients import Client, ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.registration.requests import ClientRequest, ClientRequestStore, RequestId, RequestState
from superfacility.services.access.applications import Actor
from superfacility.services.clients.own import OwnClients
from superfacility.services.clients.power import holder_of, require_person
from superfacility.services.clients.rules import days
from superfacility.services.clients.wishes import Wish, checked_text

MOST_PENDING = 10
MOST_A_DAY = 20
"""Both of one requester."""
NOT_ONES_OWN = (
    "Somebody else of the staff must decide your own request. Where you are the only one: an operator decides it with "
    "`sfapi admin client-request`, or sets clients.own_requests."
)


@dataclass(frozen=True, slots=True)
class ClientRequests:
    """Others' requests are as unknown as those that do not exist; staff see all, and decide each once."""

    store: ClientRequestStore
    own: OwnClients

    async def ask(self, principal: Principal, wish: Wish, purpose: str) -> ClientRequest:
        require_person(principal, "Asking for a client")
        purpose = checked_text(purpose, "A purpose")
        if not purpose:
            raise InvalidInput("Say what the client is for: staff decide by it.")
        owner = await self.own.collaborations.acting_as(principal.user, wish.user)
        bounds = self.own.rules.reviewed[wish.level]
        client = await self.own.drafted(wish, owner, bounds, principal.address, self._now())
        self._require_need(client)
        await self._require_rest(principal, client.created_at)
        request = ClientRequest(
            id=RequestId(str(new_uuid())),
            requester=principal.user.name,
            user=client.user,
            name=client.name,
            level=client.level,
            scopes=client.scopes,
            ranges=client.ranges,
            keys=client.keys,
            lifetime=client.lifetime,
            purpose=purpose,
            created_at=client.created_at,
            comments=client.comments,
            project=client.project,
            globus=client.globus,
            strict=client.strict,
            dpop=client.dpop,
        )
        audit = principal.audit(client.created_at, "client_requests.ask", request.id, _summary(request))
        await self.store.ask(request, audit, at_most=MOST_PENDING)
        await self._tell_of(request)
        return request

    def _require_need(self, client: Client) -> None:
        own = self.own.rules.own[client.level]
        if client.lifetime > own.lifetime:
            return
        try:
            own.ranges.check(client.level.label, client.ranges)
        except InvalidInput:
            return
        raise InvalidInput("You may make this client yourself: POST /account/clients, or `sfapi clients create`.")

    async def _require_rest(self, principal: Principal, now: datetime) -> None:
        """All staff get a mail of each, also of those that are withdrawn."""
        found = await self.store.requests(requester=principal.user.name)
        if sum(each.created_at > now - timedelta(days=1) for each in found) >= MOST_A_DAY:
            raise TooMany(f"{MOST_A_DAY} requests a day are enough: go on tomorrow.", retry_after=3600)

    async def list(
        self, principal: Principal, *, everybodys: bool = False, state: RequestState | None = None
    ) -> Sequence[ClientRequest]:
        """One's own, or for staff everybody's; newest first."""
        if everybodys and not Actor.of(principal).staff:
            raise NotPermitted("Only staff see the requests of others.")
        found = await self.store.requests(requester=None if everybodys else principal.user.name, state=state)
        return [each for each in found if principal.project in (None, each.project)]

    async def all(self, state: RequestState | None = None) -> Sequence[ClientRequest]:
        """For operators."""
        return await self.store.requests(state=state)

    async def get(self, request_id: str, actor: Actor) -> ClientRequest:
        found = await self.store.request(RequestId(request_id))
        if found is None or not _concerns(actor, found):
            raise NotFound(f"You have no request {request_id!r}; GET /account/client_requests lists yours.")
        return found

    async def withdraw(self, principal: Principal, request_id: str) -> ClientRequest:
        require_person(principal, "Withdrawing a request")
        actor = Actor.of(principal)
        found = await self.get(request_id, actor)
        if found.requester != principal.user.name:
            raise NotPermitted("This is another's request: refuse it, with a reason.")
        return await self._conclude(found, actor, RequestState.WITHDRAWN, "withdraw")

    async def refuse(self, actor: Actor, request_id: str, reason: str) -> ClientRequest:
        found = await self._to_decide(actor, request_id)
        reason = checked_text(reason, "A reason")
        if not reason:
            raise InvalidInput("Say why: the person who has asked reads it.")
        refused = await self._conclude(found, actor, RequestState.REFUSED, "refuse", reason=reason)
        await self._tell_requester(refused, f"was refused:\n\n{reason}\n")
        return refused

    async def approve(
        self, actor: Actor, request_id: str, *, reason: str = "", lifetime: timedelta | None = None
    ) -> ClientRequest:
        """Makes the client, from now, for as long as was asked for or for less."""
        found = await self._to_decide(actor, request_id)
        if lifetime is not None and not timedelta() < lifetime <= found.lifetime:
            raise InvalidInput(f"{days(found.lifetime)} days were asked for: give as many or fewer.")
        client = await self._client(found, lifetime or found.lifetime)
        approved = await self._conclude(
            found, actor, RequestState.APPROVED, "approve", reason=checked_text(reason, "A reason"), client=client
        )
        until = f"{client.expires_at:%Y-%m-%d %H:%M} UTC"
        await self._tell_requester(
            approved,
            f"was approved. Its client id is {client.id}, and it ends on {until}.\n\n"
            f"Make its key file, where you have asked for it:\n\n    sfapi clients collect {found.id}\n",
        )
        return approved

    async def approved_by(
        self, principal: Principal, request_id: str, *, reason: str = "", lifetime: timedelta | None = None
    ) -> ClientRequest:
        """The same for somebody of the staff over the API; never by a program's key."""
        require_person(principal, "Deciding requests")
        return await self.approve(Actor.of(principal), request_id, reason=reason, lifetime=lifetime)

    async def refused_by(self, principal: Principal, request_id: str, reason: str) -> ClientRequest:
        require_person(principal, "Deciding requests")
        return await self.refuse(Actor.of(principal), request_id, reason)

    async def _to_decide(self, actor: Actor, request_id: str) -> ClientRequest:
        if not actor.staff:
            raise NotPermitted("Requests for clients are decided by the facility's staff.")
        found = await self.get(request_id, actor)
        involved = actor.user is not None and actor.user.name in (found.requester, found.user)
        if involved and not self.own.rules.own_requests:
            raise NotPermitted(NOT_ONES_OWN)
        if found.state is not RequestState.PENDING:
            raise Conflict(f"The request {found.id} was {found.state.value} already.")
        return found

    async def _client(self, request: ClientRequest, lifetime: timedelta) -> Client:
        """What was true when it was asked for must still be."""
        people, now, bounds = self.own.collaborations.people, self._now(), self.own.rules.reviewed[request.level]
        requester = await people.user(request.requester)
        if requester is None or not requester.active:
            raise Conflict(f"{request.requester} is not active any more: refuse the request.")
        try:
            owner = await self.own.collaborations.acting_as(requester, request.user)
            project = await self.own.checked_project(owner, request.project)
            bounds.ranges.check(request.level.label, request.ranges)
            end = bounds.expiry(request.level, lifetime, now)
        except FacilityError as problem:
            raise Conflict(f"This cannot be given any more ({problem}): refuse the request.") from None
        return Client(
            id=ClientId(new_client_id()),
            user=owner.name,
            name=request.name,
            level=request.level,
            scopes=request.scopes,
            ranges=request.ranges,
            keys=request.keys,
            created_at=now,
            expires_at=end,
            comments=request.comments,
            project=project,
            globus=request.globus,
            strict=request.strict,
            dpop=request.dpop,
            holder=holder_of(owner.name, requester),
        )

    async def _conclude(
        self,
        request: ClientRequest,
        actor: Actor,
        state: RequestState,
        verb: str,
        *,
        reason: str = "",
        client: Client | None = None,
    ) -> ClientRequest:
        now = self._now()
        client_id = None if client is None else client.id
        ended = replace(request, state=state, decided_at=now, decided_by=actor.name, reason=reason, client_id=client_id)
        audit = [actor.audit(now, f"client_requests.{verb}", request.id, f"{_summary(request)} {reason}".strip())]
        if client is not None:
            audit.append(actor.audit(now, "clients.create", client.id, f"by request {request.id}"))
        await self.store.conclude(ended, audit, client, at_most=self.own.rules.per_user)
        return ended

    async def _tell_of(self, request: ClientRequest) -> None:
        text = (
            f"{request.requester} asks for a client: {_summary(request)}.\n\n{request.purpose}\n\n"
            f"    sfapi client-requests show {request.id}\n"
            f"    sfapi client-requests approve {request.id}\n"
            f"    sfapi client-requests refuse {request.id} --reason ...\n"
        )
        await self.own.notices.tell_staff(f"{request.requester} asks for a {request.level.label} client", text)
        await self._tell_requester(request, "waits for the facility's staff. You get a mail when they have decided.\n")

    async def _tell_requester(self, request: ClientRequest, what: str) -> None:
        text = f"Your request for a client ({_summary(request)}) {what}"
        await self.own.notices.tell([request.requester], f"Your request for the client {request.name}", text)

    def _now(self) -> datetime:
        return self.own.clock.now()


def _concerns(actor: Actor, request: ClientRequest) -> bool:
    if actor.project not in (None, request.project):
        return False
    return actor.staff or (actor.user is not None and request.requester == actor.user.name)


def _summary(request: ClientRequest) -> str:
    whom = UserName(request.user)
    return (
        f"{request.name}, {request.level.label} for {days(request.lifetime)} days, acts as {whom}, "
        f"from {', '.join(request.ranges)}"
    )
