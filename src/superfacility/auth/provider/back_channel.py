"""What applications ask without a browser: pushed requests, devices, revocation, introspection, `userinfo`."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from superfacility.auth.messages import Parameters, answer, form_of, refusal
from superfacility.auth.provider.context import count_stranger, proof_of, provider_of
from superfacility.http.security import PUBLIC, authenticated, caller_address
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.server_metadata import (
    DEVICE_PATH,
    INTROSPECT_PATH,
    PUSH_PATH,
    REVOKE_PATH,
    USERINFO_PATH,
)
from superfacility.services.access.provider.proving import once

router = APIRouter(tags=["auth"], dependencies=[PUBLIC])


@router.post(PUSH_PATH)
async def push(request: Request) -> Response:
    """Keep a request for authorization, and name it (RFC 9126)."""
    return await _answered(request, _push, 201)


async def _push(request: Request, form: Parameters) -> dict[str, Any]:
    provider = provider_of(request)
    parameters = once(form)
    application = await provider.proofs.prove(parameters, caller_address(request))
    thumbprint = await provider.proofs.desk.thumbprint(proof_of(request, provider.proofs.desk.urls))
    return await provider.authorizations.push(application, parameters, thumbprint)


@router.post(DEVICE_PATH)
async def device_authorization(request: Request) -> Response:
    """Begin a login on a device without a browser (RFC 8628)."""

    async def begin(request: Request, form: Parameters) -> dict[str, Any]:
        return await provider_of(request).devices.begin(form, caller_address(request))

    return await _answered(request, begin)


@router.post(REVOKE_PATH)
async def revoke(request: Request) -> Response:
    """A token is wanted no more: what a person has allowed ends, or a client's one token (RFC 7009)."""

    async def end(request: Request, form: Parameters) -> dict[str, Any]:
        await provider_of(request).enquiries.revoke(form, caller_address(request))
        return {}

    return await _answered(request, end)


@router.post(INTROSPECT_PATH)
async def introspect(request: Request) -> Response:
    """What a token is worth now (RFC 7662)."""

    async def look(request: Request, form: Parameters) -> dict[str, Any]:
        return await provider_of(request).enquiries.introspect(form, caller_address(request))

    return await _answered(request, look)


@router.get(USERINFO_PATH)
@router.post(USERINFO_PATH)
async def userinfo(request: Request) -> Response:
    """Who the person is, as far as they have allowed it (OpenID Connect Core section 5.3)."""
    return answer(await provider_of(request).enquiries.userinfo(await authenticated(request)))


async def _answered(
    request: Request, ask: Callable[[Request, Parameters], Awaitable[dict[str, Any]]], status: int = 200
) -> Response:
    count_stranger(request)
    try:
        return answer(await ask(request, await form_of(request)), status)
    except OAuthError as error:
        return refusal(error, request)
