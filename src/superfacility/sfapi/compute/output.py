"""What jobs print: details, a piece, and following it as server-sent events. Beside the contract."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from superfacility.facility.errors import FacilityError, InvalidInput
from superfacility.facility.jobs import JobDetails
from superfacility.http.context import UseCases
from superfacility.http.security import Watch, requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.compute.output import Ended, Followed, Follows, OutputPiece, Restarted, Stream

LARGEST_PIECE = 1024 * 1024
_USUAL_PIECE = 64 * 1024
_FARTHEST = 2**53
_HEARTBEAT = 15.0
_PLAIN = "text/plain"
_EVENTS = "text/event-stream"

router = APIRouter()

Reader = Annotated[Principal, requires(Scope.JOBS_READ)]
Machine = Annotated[str, Path(description="A system of `compute.targets`.", examples=["perlmutter"])]
JobIdentifier = Annotated[str, Path(description="`123`, or `123_7` for an element of an array.", examples=["43778070"])]
Which = Annotated[Stream, Query(description="Which of the two; a job that does not part them prints to one file.")]
Offset = Annotated[
    int, Query(ge=-_FARTHEST, le=_FARTHEST, description="The first byte; a negative one counts from the end.")
]


class JobFiles(BaseModel):
    """Where the files of a job are on the system; null where the scheduler does not know, or does not tell you."""

    jobid: str
    user: str
    directory: str | None
    stdout: str | None
    stderr: str | None
    command: str | None = Field(description="The path of the script that was submitted, and its arguments.")
    script: str | None = Field(description="The text of the batch script.")

    @classmethod
    def of(cls, details: JobDetails) -> "JobFiles":
        return cls(
            jobid=details.id,
            user=details.user,
            directory=_text(details.directory),
            stdout=_text(details.stdout),
            stderr=_text(details.stderr),
            command=_text(details.command),
            script=_text(details.script),
        )


class JobPrint(BaseModel):
    """A piece of what a job has printed."""

    data: str
    encoding: Literal["utf-8", "base64"] = Field(description="Base64 where the bytes are not UTF-8.")
    offset: int = Field(description="Of the first byte; 0 where the file had become shorter than you asked for.")
    next_offset: int = Field(description="Ask for this next.")
    size: int = Field(description="Bytes that the file has now.")
    ended: bool = Field(description="The job has ended: when `next_offset` is `size`, that was all.")


@router.get("/jobs/{machine}/{jobid}/details", summary="The files of a job")
async def job_details(machine: Machine, jobid: JobIdentifier, principal: Reader, use_cases: UseCases) -> JobFiles:
    """Its script, and where it prints to."""
    return JobFiles.of(await use_cases.output.details(principal, machine, jobid))


@router.get(
    "/jobs/{machine}/{jobid}/output",
    response_model=JobPrint,
    summary="Read what a job prints",
    responses={200: {"content": {_PLAIN: {"schema": {"type": "string"}}}}},
)
async def job_output(
    request: Request,
    machine: Machine,
    jobid: JobIdentifier,
    principal: Reader,
    use_cases: UseCases,
    stream: Which = Stream.STDOUT,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PIECE, description="Bytes at most.")] = _USUAL_PIECE,
) -> Response:
    """Empty before the job begins. With `Accept: text/plain` the bytes as they are, and the rest in headers
    (`X-Output-Offset`, `X-Output-Next-Offset`, `X-Output-Size`, `X-Output-Ended`)."""
    piece = await use_cases.output.piece(principal, machine, jobid, stream, offset=offset, limit=limit)
    if request.headers.get("accept", "").partition(";")[0].strip() == _PLAIN:
        return Response(piece.data, media_type=_PLAIN, headers=_described(piece))
    data, encoding = rendered(piece.data, more=piece.next_offset < piece.size or not piece.ended)
    used = len(data.encode()) if encoding == "utf-8" else len(piece.data)
    body = JobPrint(
        data=data,
        encoding=encoding,
        offset=piece.offset,
        next_offset=piece.offset + used,
        size=piece.size,
        ended=piece.ended,
    )
    return Response(body.model_dump_json(), media_type="application/json")


@router.get(
    "/jobs/{machine}/{jobid}/output/follow",
    summary="Follow what a job prints",
    response_class=StreamingResponse,
    responses={200: {"description": "Events", "content": {_EVENTS: {"schema": {"type": "string"}}}}},
)
async def follow_output(
    request: Request,
    machine: Machine,
    jobid: JobIdentifier,
    principal: Reader,
    use_cases: UseCases,
    stream: Which = Stream.STDOUT,
    offset: Offset = 0,
    last_event_id: Annotated[str | None, Header(description="The `id` of the last event: go on behind it.")] = None,
) -> StreamingResponse:
    """Server-sent events until the job has ended and all is read.

    `output` has `data`, `encoding` (`utf-8` or `base64`) and `offset`; its `id` is the offset that follows. `restarted`
    says that the file was written anew and comes from its beginning, `end` that there is no more, `error` why it ends
    too early. A lost connection is resumed with `Last-Event-ID`.
    """
    begin = offset if last_event_id is None else _resumed(last_event_id)
    following = use_cases.output.follow(principal, machine, jobid, stream, offset=begin)
    first = await anext(following)
    return StreamingResponse(
        _events(request, following, first), media_type=_EVENTS, headers={"x-accel-buffering": "no"}
    )


def _resumed(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise InvalidInput("`Last-Event-ID` must be the `id` of an event of this stream: a number of bytes.")
    return int(text)


async def _events(request: Request, following: AsyncGenerator[Followed], first: Followed) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop()
    watch = Watch(request.scope, request.app.state.services, Scope.JOBS_READ)
    async with aclosing(following):
        yield b"retry: 1000\n\n"
        yield _event(first)
        spoken = clock.time()
        try:
            async for each in following:
                await watch.look()
                if each is not None or clock.time() - spoken >= _HEARTBEAT:
                    yield _event(each)
                    spoken = clock.time()
        except FacilityError as error:
            yield _message("error", {"error": str(error)})


def _event(what: Followed) -> bytes:
    match what:
        case Follows():
            data, encoding = rendered(what.data, more=False)
            content = {"data": data, "encoding": encoding, "offset": what.offset}
            return b"id: %d\n" % what.next_offset + _message("output", content)
        case Restarted():
            return b"id: 0\n" + _message("restarted", {})
        case Ended():
            return _message("end", {"size": what.size})
        case None:
            return b": waiting\n\n"


def _message(name: str, content: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(content))


def rendered(data: bytes, *, more: bool) -> tuple[str, Literal["utf-8", "base64"]]:
    """As text where it is UTF-8. Where `more` follows, a character that is cut in two is left for the next piece."""
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError as error:
        if more and error.start > 0 and error.end == len(data) and error.reason == "unexpected end of data":
            return data[: error.start].decode(), "utf-8"
    return b64encode(data).decode(), "base64"


def _described(piece: OutputPiece) -> dict[str, str]:
    return {
        "x-output-offset": str(piece.offset),
        "x-output-next-offset": str(piece.next_offset),
        "x-output-size": str(piece.size),
        "x-output-ended": str(piece.ended).lower(),
        "vary": "accept",
    }


def _text(text: str | None) -> str | None:
    """Paths and scripts may hold bytes that are no text."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")
