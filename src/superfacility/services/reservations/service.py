"""Advance reservations: whoever may run jobs may set cores or nodes aside, for themselves and their projects."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, InvalidInput, NotFound, NotPermitted
from superfacility.facility.people import People, User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.systems import Facility, SystemName
from superfacility.oauth.principal import Principal
from superfacility.services.membership.names import check_name
from superfacility.services.reservations.changes import (
    change_of,
    check_size,
    check_times,
    kept,
    kept_change,
    wanted_by,
)
from superfacility.services.reservations.readings import Reservations, SharedReading
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.registry import Handler, HandlerKind, TaskContext
from superfacility.tasks.task import NewTask, Task

CREATE = "reservations.create"
UPDATE = "reservations.update"
DELETE = "reservations.delete"


class ReservationRule(StrEnum):
    """Who may make, change and delete reservations, as far as the scheduler lets them."""

    ANYONE = "anyone"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class ReservationService:
    """Readings of a system are shared by all who ask; changes are tasks."""

    facility: Facility
    queue: TaskQueue
    clock: Clock
    people: People
    who: ReservationRule = ReservationRule.ANYONE
    _readings: dict[SystemName, SharedReading] = field(default_factory=dict)

    def handlers(self) -> tuple[Handler, ...]:
        return (
            Handler(CREATE, HandlerKind.RECONCILED, self._create),
            Handler(UPDATE, HandlerKind.RECONCILED, self._update),
            Handler(DELETE, HandlerKind.RECONCILED, self._delete),
        )

    async def reservations(self, machine: str) -> Reservations:
        system = self.facility.system(machine)
        if system.name not in self._readings:
            self._readings[system.name] = SharedReading(system.require_scheduler(), self.clock)
        return await self._readings[system.name].reservations()

    async def reservation(self, machine: str, name: str) -> Reservations:
        """It alone."""
        read = await self.reservations(machine)
        found = next((each for each in read.known if each.name == name), None)
        if found is None:
            raise NotFound(f"{machine} has no reservation named {name!r}; GET /reservations/{machine} lists them.")
        return Reservations((found,), read.as_of)

    async def create(
        self, principal: Principal, machine: str, wanted: Reservation, idempotency: IdempotencyKey | None = None
    ) -> Task:
        system = self.facility.system(machine)
        system.require_scheduler()
        self._check_rule(principal)
        check_name("reservation", wanted.name)
        check_times(wanted, self.clock.now())
        check_size(wanted)
        users = wanted.users or (() if wanted.projects else (principal.user.name,))
        await self._check_holders(principal.user, users, wanted.projects)
        intent = kept(system.name, replace(wanted, users=tuple(users)))
        return await self._accept(principal, CREATE, intent, f"{system.name}/{wanted.name}", idempotency)

    async def update(
        self,
        principal: Principal,
        machine: str,
        name: str,
        change: ReservationChange,
        idempotency: IdempotencyKey | None = None,
    ) -> Task:
        """The caller must hold it as it is and as it shall be."""
        system = self.facility.system(machine)
        self._check_rule(principal)
        if change == ReservationChange():
            raise InvalidInput("Name what to change: start, end, nodes or cores, users, projects.")
        check_size(change)
        try:
            (current,) = (await self.reservation(machine, name)).known
            await self._check_change(principal.user, current, change)
        except FacilityError:  # what was accepted once may be impossible by now
            if idempotency is not None and (earlier := await self.queue.accepted(idempotency)) is not None:
                return earlier
            raise
        intent = kept_change(system.name, name, change)
        return await self._accept(principal, UPDATE, intent, f"{system.name}/{name}", idempotency)

    async def delete(self, principal: Principal, machine: str, name: str) -> Task:
        system = self.facility.system(machine)
        self._check_rule(principal)
        (found,) = (await self.reservation(machine, name)).known
        await self._check_holders(principal.user, found.users, found.projects)
        return await self._accept(principal, DELETE, {"system": system.name, "name": name}, f"{system.name}/{name}")

    def _check_rule(self, principal: Principal) -> None:
        if self.who is ReservationRule.STAFF and not principal.user.staff:
            raise NotPermitted("Here only the facility's staff make reservations; ask them for one.")

    async def _check_holders(self, user: User, users: Sequence[str], projects: Sequence[str]) -> None:
        """Users other than the caller may be named only where the caller or a project of theirs holds it too."""
        if user.staff or user.name in users:
            return
        own = {each.project.name for each in await self.people.memberships(user=user.name)}
        if not own.intersection(projects):
            raise NotPermitted(
                "A reservation must be yours or one of your projects'; ask the facility's staff for others."
            )

    async def _check_change(self, user: User, current: Reservation, change: ReservationChange) -> None:
        await self._check_holders(user, current.users, current.projects)
        wanted = change.of(current)
        check_times(wanted, self.clock.now())
        await self._check_holders(user, wanted.users, wanted.projects)

    async def _create(self, context: TaskContext) -> Mapping[str, Any]:
        wanted = wanted_by(context.task)
        scheduler = self.facility.system(context.task.intent["system"]).require_scheduler()
        return await self._outcome(context.task, lambda user: scheduler.reserve(user, wanted))

    async def _update(self, context: TaskContext) -> Mapping[str, Any]:
        """What stays, and whose it is, is what the scheduler has now, and not what it had as the task was accepted."""
        intent, change = context.task.intent, change_of(context.task)
        scheduler = self.facility.system(intent["system"]).require_scheduler()
        name = ReservationName(intent["name"])

        async def act(user: User) -> None:
            current = await _found(scheduler, name)
            if current is not None:
                await self._check_change(user, current, change)
            await scheduler.change_reservation(user, name, change)

        return await self._outcome(context.task, act)

    async def _delete(self, context: TaskContext) -> Mapping[str, Any]:
        """The name may have gone to somebody else since the task was accepted."""
        intent = context.task.intent
        scheduler = self.facility.system(intent["system"]).require_scheduler()
        name = ReservationName(intent["name"])

        async def remove(user: User) -> None:
            current = await _found(scheduler, name)
            if current is not None:
                await self._check_holders(user, current.users, current.projects)
            try:
                await scheduler.cancel_reservation(user, name)
            except NotFound:
                if context.task.attempts <= 1:
                    raise  # later attempts find it gone because the first one removed it

        return await self._outcome(context.task, remove)

    async def _outcome(self, task: Task, act: Callable[[User], Awaitable[object]]) -> Mapping[str, Any]:
        name = task.intent["name"]
        try:
            user = await self.people.user(task.owner)
            if user is None or not user.active:
                raise NotFound(f"The user {task.owner!r} is not known here any more; ask the facility's staff.")
            await act(user)
        except FacilityError as error:
            if error.transient:
                raise
            return {"status": "error", "reservation": name, "error": str(error)}
        return {"status": "ok", "reservation": name, "error": None}

    async def _accept(
        self,
        principal: Principal,
        handler: str,
        intent: Mapping[str, Any],
        target: str,
        idempotency: IdempotencyKey | None = None,
    ) -> Task:
        now = self.clock.now()
        new = NewTask(principal.user.name, handler, intent, now, principal.level.label, principal.client_id)
        return await self.queue.accept(new, principal.audit(now, handler, target), idempotency)


async def _found(scheduler: Scheduler, name: ReservationName) -> Reservation | None:
    return next((each for each in await scheduler.reservations() if each.name == name), None)
