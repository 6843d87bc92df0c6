"""Advance reservations: whoever may run jobs may set cores or nodes aside, for themselves and their projects."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, InvalidInput, NotFound, NotPermitted
from superfacility.facility.people import People, User
from superfacility.facility.reservations import Reservation, ReservationName
from superfacility.facility.systems import Facility
from superfacility.oauth.principal import Principal
from superfacility.services.names import check_name
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.registry import Handler, HandlerKind, TaskContext
from superfacility.tasks.task import NewTask, Task

CREATE = "reservations.create"
DELETE = "reservations.delete"


@dataclass(frozen=True, slots=True)
class ReservationService:
    """Reading asks the scheduler; changes are tasks."""

    facility: Facility
    queue: TaskQueue
    clock: Clock
    people: People

    def handlers(self) -> tuple[Handler, ...]:
        return (
            Handler(CREATE, HandlerKind.RECONCILED, self._create),
            Handler(DELETE, HandlerKind.RECONCILED, self._delete),
        )

    async def reservations(self, machine: str) -> Sequence[Reservation]:
        return await self.facility.system(machine).require_scheduler().reservations()

    async def reservation(self, machine: str, name: str) -> Reservation:
        found = next((each for each in await self.reservations(machine) if each.name == name), None)
        if found is None:
            raise NotFound(f"{machine} has no reservation named {name!r}; GET /reservations/{machine} lists them.")
        return found

    async def create(self, principal: Principal, machine: str, wanted: Reservation) -> Task:
        system = self.facility.system(machine)
        system.require_scheduler()
        check_name("reservation", wanted.name)
        _check_extent(wanted, self.clock.now())
        users = wanted.users or (() if wanted.projects else (principal.user.name,))
        await self._check_holders(principal.user, users, wanted.projects)
        intent = {
            "system": system.name,
            "name": wanted.name,
            "start": wanted.start.isoformat(),
            "end": wanted.end.isoformat(),
            "nodes": wanted.nodes,
            "cores": wanted.cores,
            "users": list(users),
            "projects": list(wanted.projects),
        }
        return await self._accept(principal, CREATE, intent, f"{system.name}/{wanted.name}")

    async def delete(self, principal: Principal, machine: str, name: str) -> Task:
        system = self.facility.system(machine)
        found = await self.reservation(machine, name)
        await self._check_holders(principal.user, found.users, found.projects)
        return await self._accept(principal, DELETE, {"system": system.name, "name": name}, f"{system.name}/{name}")

    async def _check_holders(self, user: User, users: Sequence[str], projects: Sequence[str]) -> None:
        """Users other than the caller may be named only where the caller or a project of theirs holds it too."""
        if user.staff or user.name in users:
            return
        own = {each.project.name for each in await self.people.memberships(user=user.name)}
        if not own.intersection(projects):
            raise NotPermitted(
                "A reservation must be yours or one of your projects'; ask the facility's staff for others."
            )

    async def _create(self, context: TaskContext) -> Mapping[str, Any]:
        intent = context.task.intent
        wanted = Reservation(
            name=ReservationName(intent["name"]),
            start=datetime.fromisoformat(intent["start"]),
            end=datetime.fromisoformat(intent["end"]),
            nodes=intent["nodes"],
            cores=intent["cores"],
            users=tuple(intent["users"]),
            projects=tuple(intent["projects"]),
        )
        scheduler = self.facility.system(intent["system"]).require_scheduler()
        return await self._outcome(context.task, lambda user: scheduler.reserve(user, wanted))

    async def _delete(self, context: TaskContext) -> Mapping[str, Any]:
        intent = context.task.intent
        scheduler = self.facility.system(intent["system"]).require_scheduler()

        async def remove(user: User) -> None:
            try:
                await scheduler.cancel_reservation(user, ReservationName(intent["name"]))
            except NotFound:
                if context.task.attempts <= 1:
                    raise  # later attempts find it gone because the first one removed it

        return await self._outcome(context.task, remove)

    async def _outcome(self, task: Task, act: Callable[[User], Awaitable[object]]) -> Mapping[str, Any]:
        name = task.intent["name"]
        try:
            user = await self.people.user(task.owner)
            if user is None:
                raise NotFound(f"The user {task.owner!r} is not known here any more; ask the facility's staff.")
            await act(user)
        except FacilityError as error:
            if error.transient:
                raise
            return {"status": "error", "reservation": name, "error": str(error)}
        return {"status": "ok", "reservation": name, "error": None}

    async def _accept(self, principal: Principal, handler: str, intent: Mapping[str, Any], target: str) -> Task:
        now = self.clock.now()
        new = NewTask(principal.user.name, handler, intent, now, principal.level.label, principal.client_id)
        return await self.queue.accept(new, principal.audit(now, handler, target))


def _check_extent(wanted: Reservation, now: datetime) -> None:
    if wanted.end <= wanted.start:
        raise InvalidInput("A reservation must end after it starts.")
    if wanted.end <= now:
        raise InvalidInput("This reservation would have ended already; choose an end in the future.")
    sizes = [each for each in (wanted.nodes, wanted.cores) if each is not None]
    if len(sizes) != 1 or sizes[0] < 1:
        raise InvalidInput("Give either `nodes` or `cores`, and at least 1.")
