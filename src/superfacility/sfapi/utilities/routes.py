"""`/utilities`: files and commands."""

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from superfacility.facility.errors import NotPermitted, Refused
from superfacility.facility.files import FileStat
from superfacility.http.bodies import form_body
from superfacility.http.context import UseCases
from superfacility.http.idempotency import KeyHeader, idempotency
from superfacility.http.paths import FilePath, shown
from superfacility.http.security import requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.utilities.multipart import file_part
from superfacility.sfapi.utilities.ranges import WHOLE, Part, still_the_same, wanted_part
from superfacility.sfapi.utilities.schemas import (
    DirectoryOutput,
    FileDownload,
    UploadResult,
    UtilityCommand,
    UtilityCommandOutput,
    UtilityStatus,
    listing_body,
)
from superfacility.sfapi.utilities.streaming import RAW, FileResponse, Form, is_text

router = APIRouter(
    prefix="/utilities",
    tags=["utilities"],
    responses={404: {"description": "No such machine"}},
)

Machine = Annotated[str, Path(description="A system of `utilities.targets`.", examples=["perlmutter"])]

_BYTES: dict[str, Any] = {RAW: {"schema": {"type": "string", "format": "binary"}}}
_ENVELOPE = 64 * 1024
"""What boundaries and headers may add to a file."""
_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def _json(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


@router.get("/ls/{machine}/{path:file}", response_model=DirectoryOutput, summary="List a folder or look at a file")
async def ls(
    use_cases: UseCases,
    principal: Annotated[Principal, requires(Scope.FILES_LIST)],
    machine: Machine,
    path: FilePath,
) -> Response:
    """As `ls -la`: a folder's rows begin with `.` and `..`; a file or symbolic link is one row with its absolute path.

    A path that does not exist is `status: ERROR` with the words of `ls`.
    """
    try:
        entries = await use_cases.utilities.ls(principal, machine, path)
    except Refused as error:
        return _json(DirectoryOutput(status=UtilityStatus.ERROR, entries=[], error=shown(str(error))))

    return Response(await asyncio.to_thread(listing_body, entries), media_type="application/json")


@router.get(
    "/download/{machine}/{path:file}",
    response_model=FileDownload,
    summary="Download a file",
    responses={
        200: {"content": _BYTES},
        206: {"description": "The rest of the file, as `Range` asks for", "content": _BYTES},
        416: {"description": "The file ends before the part that `Range` asks for"},
    },
)
async def download(
    request: Request,
    use_cases: UseCases,
    principal: Annotated[Principal, requires(Scope.FILES_READ)],
    machine: Machine,
    path: FilePath,
    binary: Annotated[bool, Query(description="Send base64, also if the file is text.")] = False,
) -> Response:
    """The file as text, or as base64 with `is_binary: true` where you ask for it or the file is not UTF-8.

    With `Accept: application/octet-stream` its bytes as they are, which is quicker and a quarter shorter; problems are
    told in JSON all the same. Only then `Range: bytes=N-` gets the rest of a copy that broke off; send the `ETag` of
    its beginning as `If-Range`, and a file that has changed meanwhile is sent from its beginning.
    """
    text: FileStat | None = None
    try:
        if request.headers.get("accept") == RAW:
            return await _raw(request, use_cases, principal, machine, path)
        if not binary:
            async with use_cases.utilities.download(principal, machine, path) as opened:
                text = opened.stat if await is_text(opened) else None
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(use_cases.utilities.download(principal, machine, path))
            # base64 also if the file was replaced since we looked
            return FileResponse(opened, stack.pop_all(), Form.TEXT if opened.stat == text else Form.BASE64)
    except Refused as error:
        return _json(FileDownload(status=UtilityStatus.ERROR, error=shown(str(error))))


async def _raw(request: Request, use_cases: UseCases, principal: Principal, machine: str, path: str) -> Response:
    """The part that is asked for, or the whole where that part is of another file by now."""
    wanted = wanted_part(request.headers)
    response = await _opened(request, use_cases, principal, machine, path, wanted)
    if response is None:
        response = await _opened(request, use_cases, principal, machine, path, WHOLE)
    assert response is not None, "the whole is always sent"
    return response


async def _opened(
    request: Request, use_cases: UseCases, principal: Principal, machine: str, path: str, part: Part
) -> Response | None:
    async with AsyncExitStack() as stack:
        reading = use_cases.utilities.download(principal, machine, path, offset=part.start, length=part.length)
        opened = await stack.enter_async_context(reading)
        if part != WHOLE and not still_the_same(request.headers, opened.stat):
            return None
        if part != WHOLE and part.start >= opened.stat.size:
            headers = {"content-range": f"bytes */{opened.stat.size}"}
            words = f"The file has {opened.stat.size} bytes: nothing begins at {part.start}."
            return JSONResponse({"detail": words}, 416, headers)
        return FileResponse(opened, stack.pop_all(), Form.RAW, part)


@router.put(
    "/upload/{machine}/{path:file}",
    response_model=UploadResult,
    summary="Upload a file",
    responses={422: {"description": "No part named `file`, or a body that ends early"}},
    openapi_extra=_UPLOAD_BODY,
)
async def upload(
    use_cases: UseCases,
    principal: Annotated[Principal, requires(Scope.FILES_WRITE)],
    machine: Machine,
    path: FilePath,
    request: Request,
) -> Response:
    """Write a whole file, new or over an old one; nobody ever sees half of it.

    An existing file keeps its mode, a symbolic link is followed. Below level red, dot-files of homes and executables
    are refused.
    """
    content = file_part(request.headers.get("content-type", ""), request.stream())
    try:
        size = await use_cases.utilities.upload(principal, machine, path, content, _announced(request))
    except (Refused, NotPermitted) as error:
        return _json(UploadResult(status=UtilityStatus.ERROR, error=shown(str(error))))
    except ClientDisconnect:
        return Response(status_code=400)
    return _json(UploadResult(status=UtilityStatus.OK, output=f"{size} bytes written"))


def _announced(request: Request) -> int | None:
    """The least that the file must have by the length of its envelope."""
    length = request.headers.get("content-length", "")
    return max(int(length) - _ENVELOPE, 0) if length.isascii() and length.isdecimal() else None


@router.post("/command/{machine}", response_model=UtilityCommandOutput, summary="Run a command")
async def command(
    request: Request,
    use_cases: UseCases,
    principal: Annotated[Principal, requires(Scope.COMMANDS_WRITE)],
    machine: Machine,
    body: Annotated[UtilityCommand, form_body(UtilityCommand)],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Bash runs the text in a login shell as you, in your home directory.

    The answer names a task; its result has `output`, `error` and `exit_code`. Cancelling the task ends everything that
    the command started.
    """
    key = idempotency(request, principal, body, idempotency_key)
    task = await use_cases.utilities.command(principal, machine, body.executable, key)
    return _json(UtilityCommandOutput(task_id=task.id, status=UtilityStatus.OK))
