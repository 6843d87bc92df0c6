"""Sending what is owed: at least once, in order for each job, again and again for a day, then never unless asked.

A slow receiver holds few places and nobody else's: there are bounds for each host and for each person.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.callbacks import Answer, WebhookSender
from superfacility.facility.deliveries import CallbackStore, Channel, Delivery, DeliveryState, Settlement
from superfacility.facility.errors import FacilityError
from superfacility.services.events import messages, signatures
from superfacility.services.events.mailing import Mailing
from superfacility.services.events.secrets import SigningSecrets

log = structlog.get_logger(__name__)
AT_ONCE = 32
"""Deliveries under way together; at most this many of one person, and to one host:"""
PER_OWNER = 8
PER_PLACE = 2
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=2)
GONE = 410
POLL = 1.0
"""Seconds after which due deliveries are looked for although nothing told of them."""


class Courier:
    """Sends by the two senders and keeps what became of it."""

    def __init__(
        self,
        store: CallbackStore,
        webhooks: WebhookSender,
        mail: Mailing,
        secrets: SigningSecrets,
        clock: Clock,
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self.mail = mail
        self._secrets = secrets
        self._clock = clock
        self._under_way: dict[int, tuple[asyncio.Task[None], Delivery]] = {}
        self.wake = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is under way then is broken off and sent again later."""
        try:
            while not stop.is_set():
                self.wake.clear()
                await self.start_due()
                try:
                    await asyncio.wait_for(self.wake.wait(), POLL)
                except TimeoutError:
                    continue
        finally:
            running = [task for task, _ in self._under_way.values()]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def start_due(self) -> None:
        """Begin with as many of the due deliveries as there are places for."""
        found = await self._store.due(self._clock.now(), 2 * AT_ONCE, per_place=PER_PLACE, per_owner=PER_OWNER)
        for delivery in found:
            if self._has_place(delivery):
                task = asyncio.create_task(self._carry(delivery))
                self._under_way[delivery.id] = (task, delivery)

    async def settled(self) -> None:
        """Until nothing is under way."""
        while self._under_way:
            await asyncio.wait([task for task, _ in self._under_way.values()])
            await asyncio.sleep(0)

    def _has_place(self, delivery: Delivery) -> bool:
        others = [other.what for _, other in self._under_way.values()]
        return (
            delivery.id not in self._under_way
            and len(others) < AT_ONCE
            and sum(other.place == delivery.what.place for other in others) < PER_PLACE
            and sum(other.owner == delivery.what.owner for other in others) < PER_OWNER
        )

    async def _carry(self, delivery: Delivery) -> None:
        try:
            await self._store.settle(delivery.id, await self._attempt(delivery))
        except Exception as problem:  # it stays due and is sent again: twice rather than never
            log.error("the fate of a callback cannot be stored", delivery=delivery.id, error=str(problem))
            await asyncio.sleep(POLL)
        finally:
            del self._under_way[delivery.id]
            self.wake.set()

    async def _attempt(self, delivery: Delivery) -> Settlement:
        try:
            if delivery.what.channel is Channel.WEBHOOK:
                return self._judge(delivery, await self._post(delivery))
            subject, text = messages.mail(delivery.what.body)
            await self.mail.send(delivery.what.owner, delivery.what.target, subject, text)
        except FacilityError as problem:
            if not problem.transient:
                return Settlement(DeliveryState.DEAD, self._clock.now(), error=str(problem))
            return self._later(delivery, Failure(str(problem)))
        except Exception:
            log.exception("a callback failed", delivery=delivery.id)
            return self._later(delivery, Failure("The service failed while it sent this. Tell staff."))
        return Settlement(DeliveryState.DELIVERED, self._clock.now())

    async def _post(self, delivery: Delivery) -> Answer:
        what = delivery.what
        body = what.body.encode()
        secrets = await self._secrets.of(what.owner)
        headers = signatures.headers(what.message_id, self._clock.now(), body, secrets)
        return await self._webhooks.post(what.target, headers, body)

    def _judge(self, delivery: Delivery, answer: Answer) -> Settlement:
        now = self._clock.now()
        if 200 <= answer.status < 300:
            return Settlement(DeliveryState.DELIVERED, now, status=answer.status)
        if answer.status == GONE:
            error = "The receiver answered 410: it wants no more of these."
            return Settlement(DeliveryState.DEAD, now, status=GONE, error=error)
        error = f"The receiver answered {answer.status}; only 2xx counts as received."
        return self._later(delivery, Failure(error, answer.status, answer.retry_after))

    def _later(self, delivery: Delivery, failure: "Failure") -> Settlement:
        now = self._clock.now()
        if now >= delivery.give_up_at:
            return Settlement(DeliveryState.DEAD, now, status=failure.status, error=f"Gave up: {failure.words}")
        due = next_attempt(delivery.attempts + 1, now, failure.retry_after)
        due = min(due, delivery.give_up_at)  # the last one is at the very end
        return Settlement(DeliveryState.PENDING, now, due, failure.status, failure.words)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt did not succeed, where another may."""

    words: str
    status: int | None = None
    retry_after: float | None = None


def next_attempt(attempts: int, now: datetime, retry_after: float | None) -> datetime:
    """5, 10, 20 … seconds up to two hours, less a random part of up to a half; never before the receiver said."""
    longest = min(FIRST_DELAY * (1 << min(attempts - 1, 20)), LONGEST_DELAY)
    delay = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
    return now + max(delay, timedelta(seconds=min(retry_after or 0.0, 86_400.0)))
