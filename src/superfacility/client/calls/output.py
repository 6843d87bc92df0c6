"""What jobs print."""

import base64
from collections.abc import AsyncIterator

from superfacility.client.calls.streams import Deadline, server_sent
from superfacility.client.errors import Refused
from superfacility.client.records.jobs import JobFiles, Printed
from superfacility.client.transport.messages import whole
from superfacility.client.wire.event_stream import EventReader, ServerSent
from superfacility.client.wire.session import Ask, Session, part

LARGEST_PIECE = 1024 * 1024


class OutputCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def job_files(self, system: str, job_id: str) -> JobFiles:
        """Its script, and where it prints to."""
        return JobFiles.of(await self.session.json(Ask("GET", f"{_path(system, job_id)}/details")))

    async def job_output(
        self, system: str, job_id: str, *, stream: str = "stdout", offset: int = 0, limit: int = LARGEST_PIECE
    ) -> Printed:
        """A piece of it; a negative offset counts from the end."""
        query = {"stream": stream, "offset": offset, "limit": limit}
        reply = await self.session.reply(Ask("GET", f"{_path(system, job_id)}/output", query), accept="text/plain")
        data, headers = await whole(reply), reply.headers
        start = int(headers.get("x-output-offset", offset))
        next_offset = int(headers.get("x-output-next-offset", start + len(data)))
        complete = headers.get("x-output-ended") == "true" and next_offset >= int(headers.get("x-output-size", 0))
        return Printed(data, start, next_offset, complete)

    async def follow_output(
        self, system: str, job_id: str, *, stream: str = "stdout", offset: int = 0, timeout: float | None = None
    ) -> AsyncIterator[Printed]:
        """All that it has printed and prints, until it has ended. `offset` falls back to 0 if the file begins anew."""
        reader = EventReader(str(offset) if offset > 0 else "")
        query = {"stream": stream, "offset": offset if offset < 0 else None}
        deadline, failed = Deadline(self.session, timeout), ""
        what = f"job {job_id} has not ended. It goes on."
        async for event in server_sent(
            self.session, f"{_path(system, job_id)}/output/follow", query, reader, deadline, what
        ):
            if event.kind == "end":
                return
            if event.kind == "error":
                words = str((event.data or {}).get("error"))
                if words == failed:
                    raise Refused(words)
                failed = words  # a token that had ended is replaced with the next connection
            elif event.kind == "output":
                failed = ""
                yield _printed(event)


def _printed(event: ServerSent) -> Printed:
    content = event.data or {}
    text = str(content.get("data", ""))
    data = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
    return Printed(data, int(content.get("offset", 0)), int(event.id))


def _path(system: str, job_id: str) -> str:
    return f"compute/jobs/{part(system)}/{part(job_id)}"
