"""Callbacks that are owed, in memory."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.deliveries import (
    Delivery,
    DeliveryState,
    Element,
    NewDelivery,
    Settlement,
    SigningSalt,
    Step,
    Watch,
)
from superfacility.facility.errors import NotFound
from superfacility.facility.people import UserName
from superfacility.testing.stores.memory import Memory


class MemoryCallbackStore:
    """`CallbackStore` in memory; audit rows go to the memory that all stores of a test share."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._cursor = 0
        self._watches: dict[str, Watch] = {}
        self._ended: dict[str, datetime] = {}
        self._elements: dict[tuple[str, str], Element] = {}
        self._deliveries: dict[int, Delivery] = {}
        self._salts: dict[UserName, SigningSalt] = {}

    def _open(self) -> list[Watch]:
        return [watch for watch in self._watches.values() if watch.task_id not in self._ended]

    async def watch(self, watch: Watch) -> None:
        self._watches.setdefault(watch.task_id, watch)

    async def cursor(self) -> int:
        return self._cursor

    async def unbound(self) -> Sequence[Watch]:
        return [watch for watch in self._open() if watch.job_id is None]

    async def overdue(self, now: datetime) -> Sequence[Watch]:
        return [watch for watch in self._open() if watch.deadline is not None and watch.deadline <= now]

    async def settling(self) -> Sequence[Watch]:
        return [watch for watch in self._open() if watch.settling]

    async def watching(self, jobs: Collection[tuple[str, str]]) -> Sequence[Watch]:
        return [watch for watch in self._open() if (watch.system, watch.job_id) in jobs]

    async def elements(self, task_ids: Collection[str]) -> Sequence[Element]:
        return [each for each in self._elements.values() if each.task_id in task_ids]

    async def commit(self, step: Step) -> None:
        self._cursor = step.cursor
        for task_id, job_id in step.bound.items():
            self._watches[task_id] = replace(self._watches[task_id], job_id=job_id)
        self._elements |= {(each.task_id, each.job_id): each for each in step.elements}
        for task_id in step.settling:
            self._watches[task_id] = replace(self._watches[task_id], settling=True)
        for task_id in step.timed_out:
            self._watches[task_id] = replace(self._watches[task_id], deadline=None)
        for new in step.deliveries:
            self._add(new)
        for task_id in step.ended:
            self._ended[task_id] = self._watches[task_id].created_at
            self._elements = {key: each for key, each in self._elements.items() if key[0] != task_id}

    def _add(self, new: NewDelivery) -> None:
        key = (new.task_id, new.channel, new.kind)
        if key in {(each.what.task_id, each.what.channel, each.what.kind) for each in self._deliveries.values()}:
            return
        number = self._memory.next_number("delivery")
        state = DeliveryState.PENDING if new.dead_because is None else DeliveryState.DEAD
        self._deliveries[number] = Delivery(
            number, new, state, 0, new.created_at, new.give_up_at, new.created_at, error=new.dead_because
        )

    def _pending(self) -> list[Delivery]:
        return [each for each in self._deliveries.values() if each.state is DeliveryState.PENDING]

    async def pending(self, owner: UserName) -> int:
        return sum(each.what.owner == owner for each in self._pending())

    async def due(self, now: datetime, limit: int, *, per_place: int, per_owner: int) -> Sequence[Delivery]:
        first: dict[tuple[str, str], Delivery] = {}
        for each in sorted(self._pending(), key=lambda each: each.id):
            first.setdefault((each.what.task_id, each.what.channel), each)
        places: Counter[str] = Counter()
        owners: Counter[str] = Counter()
        chosen = []
        for each in sorted(first.values(), key=lambda each: (each.due_at, each.id)):
            if each.due_at > now or places[each.what.place] >= per_place:
                continue
            places[each.what.place] += 1
            if owners[each.what.owner] < per_owner:
                owners[each.what.owner] += 1
                chosen.append(each)
        return chosen[:limit]

    async def settle(self, delivery_id: int, settlement: Settlement) -> None:
        old = self._deliveries[delivery_id]
        self._deliveries[delivery_id] = replace(
            old,
            state=settlement.state,
            attempts=old.attempts + 1,
            due_at=settlement.due_at or old.due_at,
            updated_at=settlement.at,
            status=settlement.status,
            error=settlement.error,
        )

    async def delivery(self, delivery_id: int) -> Delivery | None:
        return self._deliveries.get(delivery_id)

    async def deliveries(
        self, owner: UserName, *, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        newest = sorted(self._deliveries.values(), key=lambda each: -each.id)
        return [each for each in newest if each.what.owner == owner and state in (None, each.state)][:limit]

    async def redeliver(self, delivery_id: int, now: datetime, give_up_at: datetime, audit: AuditEntry) -> Delivery:
        old = self._deliveries.get(delivery_id)
        if old is None:
            raise NotFound(f"There is no callback {delivery_id}.")
        self._memory.audit.append(audit)
        new = replace(
            old, state=DeliveryState.PENDING, attempts=0, due_at=now, give_up_at=give_up_at, updated_at=now, error=None
        )
        self._deliveries[delivery_id] = new
        return new

    async def salt(self, owner: UserName) -> SigningSalt | None:
        return self._salts.get(owner)

    async def save_salt(self, owner: UserName, salt: SigningSalt, audit: AuditEntry | None = None) -> SigningSalt:
        if audit is None:
            return self._salts.setdefault(owner, salt)
        self._memory.audit.append(audit)
        self._salts[owner] = salt
        return salt

    async def purge(self, before: datetime) -> int:
        settled = [each for each in self._deliveries.values() if each.state is not DeliveryState.PENDING]
        old = [each.id for each in settled if each.updated_at < before]
        for number in old:
            del self._deliveries[number]
        for task_id in [task_id for task_id, at in self._ended.items() if at < before]:
            del self._watches[task_id], self._ended[task_id]
        return len(old)
