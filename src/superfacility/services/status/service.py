"""Reads the board once per change and minute, and changes it for staff."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import FacilityError, InvalidInput, NotFound, Unavailable
from superfacility.facility.status import (
    Note,
    Outage,
    Resource,
    ResourceName,
    ResourceState,
    StateChange,
    StatusBoard,
)
from superfacility.services.compute.flights import SingleFlight
from superfacility.services.status.view import BoardContents, StatusView, view_of

_PATIENCE = 2.0
"""Seconds that a reading of the board may take while an older one is there to be served."""
_PAUSE = 5.0
"""Seconds until a board that could not be read is asked again."""


class StatusService:
    """Every answer comes from one view of the board; while the board cannot be read, from what was read last."""

    def __init__(self, board: StatusBoard, clock: Clock) -> None:
        self.board = board
        self.clock = clock
        self._view: StatusView | None = None
        self._reading = SingleFlight(self._read)
        self._recovery: asyncio.Task[None] | None = None
        self._ask_again_at = float("-inf")

    async def view(self) -> StatusView:
        """`Unavailable` only where the board was never read."""
        found = self.current()
        if found is not None:
            return found
        if self._view is not None and self._view.stale:
            return self._stale(self._view)
        try:
            async with asyncio.timeout(None if self._view is None else _PATIENCE):
                return self._keep(await self._reading.fresh())
        except (FacilityError, TimeoutError) as problem:
            if self._view is None:
                raise Unavailable("The status board cannot be read now: try again in a moment.") from problem
            self._ask_again_at = self.clock.monotonic() + _PAUSE
            return self._stale(self._view)

    def current(self) -> StatusView | None:
        """The view if it is still the current one; costs microseconds and never waits."""
        found = self._view
        if found is None or found.stale or _minute(found.taken_at) != _minute(self.clock.now()):
            return None
        try:
            return found if self.board.version() == found.contents.version else None
        except FacilityError:
            return None

    async def history(self, name: str, *, before: int | None = None, limit: int = 100) -> Sequence[StateChange]:
        """How a resource and its outages changed, newest first."""
        known = (await self.view()).resource(name)
        return await self.board.changes(known.name, before=before, limit=limit)

    async def purge(self, before: datetime) -> int:
        """Forget the history from before then; returns how many rows went."""
        return await self.board.purge(before)

    async def _read(self) -> BoardContents:
        """The version first: what is committed meanwhile is read again."""
        now, version = self.clock.now(), self.board.version()
        return BoardContents(
            version=version,
            read_at=now,
            resources=await self.board.resources(),
            outages=await self.board.outages(),
            notes=await self.board.notes(),
            observations=await self.board.observations(),
        )

    def _keep(self, contents: BoardContents) -> StatusView:
        """Those who waited for the same reading share its view."""
        if self._view is None or self._view.stale or self._view.contents is not contents:
            self._view = view_of(contents, self.clock.now())
        return self._view

    def _stale(self, found: StatusView) -> StatusView:
        """What was read last, as it stands at this minute: outages go on beginning and ending."""
        if self.clock.monotonic() >= self._ask_again_at and (self._recovery is None or self._recovery.done()):
            self._recovery = asyncio.create_task(self._recover())
        now = self.clock.now()
        if not found.stale or _minute(found.taken_at) != _minute(now):
            found = self._view = view_of(found.contents, now, stale=True)
        return found

    async def _recover(self) -> None:
        """Nobody waits for this."""
        try:
            async with asyncio.timeout(_PATIENCE):
                self._keep(await self._reading.fresh())
        except (FacilityError, TimeoutError):
            self._ask_again_at = self.clock.monotonic() + _PAUSE

    async def add_resource(self, resource: Resource, actor: str) -> Resource:
        return await self._save_resource(resource, actor, new=True)

    async def change_resource(
        self,
        name: ResourceName,
        actor: str,
        *,
        state: ResourceState | None = None,
        description: str | None = None,
        full_name: str | None = None,
    ) -> Resource:
        """Only what is given changes."""
        found = next((each for each in await self.board.resources() if each.name == name), None)
        if found is None:
            raise NotFound(f"No resource named {name!r}; `sfapi admin resource list` shows them.")
        changed = replace(
            found,
            state=state or found.state,
            description=found.description if description is None else description,
            full_name=full_name or found.full_name,
        )
        return await self._save_resource(changed, actor)

    async def remove_resource(self, name: ResourceName, actor: str) -> None:
        await self.board.remove_resource(name, self._audit(actor, "status.remove_resource", name))

    async def announce(self, outage: Outage, actor: str) -> Outage:
        """Add (id 0) or change an outage."""
        await self._require(outage.resource)
        _check_times("an outage", outage.start_at, outage.end_at)
        stamped = replace(outage, updated_at=self.clock.now())
        return await self.board.save_outage(stamped, self._audit(actor, "status.save_outage", outage.resource))

    async def remove_outage(self, outage_id: int, actor: str) -> None:
        await self.board.remove_outage(outage_id, self._audit(actor, "status.remove_outage", str(outage_id)))

    async def write_note(self, note: Note, actor: str) -> Note:
        """Add (id 0) or change a note."""
        await self._require(note.resource)
        _check_times("a note", note.starts_at, note.ends_at)
        stamped = note if note.timestamp else replace(note, timestamp=self.clock.now())
        return await self.board.save_note(stamped, self._audit(actor, "status.save_note", note.resource))

    async def remove_note(self, note_id: int, actor: str) -> None:
        await self.board.remove_note(note_id, self._audit(actor, "status.remove_note", str(note_id)))

    async def _save_resource(self, resource: Resource, actor: str, *, new: bool = False) -> Resource:
        stamped = replace(resource, updated_at=self.clock.now())
        return await self.board.save_resource(
            stamped, self._audit(actor, "status.save_resource", resource.name), new=new
        )

    async def _require(self, name: ResourceName) -> None:
        if all(each.name != name for each in await self.board.resources()):
            raise NotFound(f"No resource named {name!r}; add it first with `sfapi admin resource add`.")

    def _audit(self, actor: str, action: str, target: str) -> AuditEntry:
        return AuditEntry(at=self.clock.now(), actor=actor, action=action, target=target)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _check_times(what: str, start: datetime | None, end: datetime | None) -> None:
    if any(each is not None and each.tzinfo is None for each in (start, end)):
        raise InvalidInput(f"Give the start and the end of {what} with their offset from UTC.")
    if start is not None and end is not None and end <= start:
        raise InvalidInput(f"{what.capitalize()} must end after it starts.")
