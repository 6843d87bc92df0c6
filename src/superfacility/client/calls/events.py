"""`/events`: what changes, as it changes."""

from collections.abc import AsyncIterator, Sequence

from superfacility.client.calls.streams import Deadline, server_sent
from superfacility.client.records.work import Event
from superfacility.client.wire.event_stream import EventReader, ServerSent
from superfacility.client.wire.session import Session


class EventCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def events(
        self,
        *,
        system: str | None = None,
        job_id: str | None = None,
        user: str | None = None,
        kinds: Sequence[str] = (),
        after: str | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[Event]:
        """Without an end. `user` may be `me`; `after` is the id of the last event that you have had. Connections and
        tokens that end meanwhile are replaced; nothing is missed."""
        deadline = Deadline(self.session, timeout)
        found = self.signs(system=system, job_id=job_id, user=user, kinds=kinds, after=after, deadline=deadline)
        async for each in found:
            if each.data is not None:
                yield Event(each.id, each.kind, each.data)

    async def signs(
        self,
        *,
        system: str | None = None,
        job_id: str | None = None,
        user: str | None = None,
        kinds: Sequence[str] = (),
        after: str | None = None,
        deadline: Deadline,
        what: str = "the event did not come.",
    ) -> AsyncIterator[ServerSent]:
        """Events, and between them signs of life without data: one comes as soon as the stream is open."""
        query = {"machine": system, "jobid": job_id, "user": user, "kind": list(kinds)}
        async for each in server_sent(self.session, "events", query, EventReader(after or ""), deadline, what):
            yield each
