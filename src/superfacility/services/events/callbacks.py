"""Callbacks: what people ask of them, and the loop that makes and sends them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.callbacks import WebhookSender
from superfacility.facility.deliveries import CallbackStore, Delivery, DeliveryState, Watch
from superfacility.facility.errors import NotFound, NotPermitted
from superfacility.facility.events import EventLog
from superfacility.facility.people import UserName
from superfacility.oauth.principal import Principal
from superfacility.services.compute.submissions import SUBMIT, Callback
from superfacility.services.events.endings import GIVE_UP_AFTER, Endings
from superfacility.services.events.secrets import SigningSecrets
from superfacility.services.events.sending import Courier
from superfacility.services.events.targets import check_length, check_wait
from superfacility.tasks.task import Task

WAIT = 1.0
"""Seconds after which submissions and deadlines are looked at although no event came."""
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CallbackService:
    """Everybody sees their own deliveries; staff see any by its id and those of any user."""

    store: CallbackStore
    events: EventLog
    webhooks: WebhookSender
    secrets: SigningSecrets
    endings: Endings
    courier: Courier
    clock: Clock

    def check(self, callback: Callback) -> None:
        """`InvalidInput` for what can certainly never be delivered; called before a submission is accepted."""
        if callback.url:
            check_length(callback.url)
            self.webhooks.check(callback.url)
        if callback.email:
            self.courier.mail.check(callback.email)
        check_wait(callback.timeout or 0)

    async def expect(self, task: Task) -> None:
        """Watch the job that a submission is about to make. Called in each attempt, before the job can exist."""
        kept = task.intent.get("callback") or {}
        if task.handler != SUBMIT or not (kept.get("url") or kept.get("email")):
            return
        wait = kept.get("timeout") or 0
        await self.store.watch(
            Watch(
                task_id=task.id,
                owner=task.owner,
                system=task.intent["system"],
                created_at=task.created_at,
                since=await self.events.last_id(),
                url=kept.get("url") or None,
                email=kept.get("email") or None,
                deadline=task.created_at + timedelta(seconds=wait) if wait > 0 else None,
            )
        )

    async def deliveries(
        self, principal: Principal, *, user: str | None = None, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        """Newest first."""
        _refuse_bound(principal)
        owner = principal.user.name if user is None else UserName(user)
        if owner != principal.user.name and not principal.user.staff:
            raise NotPermitted("Only staff may see the callbacks of others.")
        return await self.store.deliveries(owner, state=state, limit=limit)

    async def delivery(self, principal: Principal, delivery_id: str) -> Delivery:
        _refuse_bound(principal)
        found = await self.store.delivery(int(delivery_id)) if _is_id(delivery_id) else None
        if found is None or (found.what.owner != principal.user.name and not principal.user.staff):
            raise NotFound(f"You have no callback {delivery_id!r}; GET /callbacks lists those you have.")
        return found

    async def redeliver(self, principal: Principal, delivery_id: str) -> Delivery:
        """Send it again, whatever became of it, for another day."""
        found = await self.delivery(principal, delivery_id)
        now = self.clock.now()
        audit = principal.audit(now, "callbacks.redeliver", str(found.id))
        delivery = await self.store.redeliver(found.id, now, now + GIVE_UP_AFTER, audit)
        self.courier.wake.set()
        return delivery

    async def secret(self, principal: Principal) -> str:
        """What the caller's webhooks are signed with."""
        _refuse_bound(principal)
        return (await self.secrets.of(principal.user.name))[0]

    async def rotate_secret(self, principal: Principal) -> str:
        """A new secret; the old one signs beside it for a day."""
        _refuse_bound(principal)
        return await self.secrets.rotate(principal)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the events and send what is owed, until `stop`: one process of an installation does."""
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self.courier.run(stop))
            try:
                await self._follow(stop)
            except BaseException:
                sending.cancel()
                raise

    async def _follow(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if await self.endings.turn():
                self.courier.wake.set()
            else:
                await self.events.wait(WAIT)


def _refuse_bound(principal: Principal) -> None:
    if principal.project is not None:
        raise NotPermitted(
            f"Callbacks are all of a user's, and this client is bound to the project {principal.project}."
        )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= _LARGEST_ID
