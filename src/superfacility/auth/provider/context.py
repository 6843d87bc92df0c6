"""What these routes have in common."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from superfacility.http.rates import rates_of
from superfacility.http.security import caller_address, shown_proof
from superfacility.oauth.applications import IDENTITY, Application
from superfacility.oauth.errors import AccessRefused, OAuthError
from superfacility.oauth.provider.proofs import ShownProof
from superfacility.oauth.scopes import LEVELS, SCOPES, Scope, SecurityLevel
from superfacility.oauth.server_metadata import PublicUrls
from superfacility.services.access.grants import GrantService
from superfacility.services.access.provider import ProviderService


def provider_of(request: Request) -> ProviderService:
    found: ProviderService = request.app.state.services.provider
    return found


def grants_of(request: Request) -> GrantService:
    found: GrantService = request.app.state.services.grants
    return found


def count_stranger(request: Request) -> None:
    """`TooMany` where one address asks too often."""
    rates_of(request.scope).stranger(caller_address(request))


def proof_of(request: Request, urls: PublicUrls) -> ShownProof | None:
    """The proof of possession that comes along, if any."""
    try:
        return shown_proof(request, urls)
    except AccessRefused as refused:
        raise OAuthError("invalid_dpop_proof", str(refused)) from None


def in_words(scopes: frozenset[Scope], identity: frozenset[str]) -> dict[str, Any]:
    """What is asked for, as people read it."""
    level = max((SCOPES[scope].level for scope in scopes), default=None)
    return {
        "level": None if level is None else level.label,
        "level_meaning": None if level is None else LEVELS[level].meaning,
        "strong": level is SecurityLevel.RED,
        "meanings": [rule.meaning for scope, rule in SCOPES.items() if scope in scopes],
        "identity": [meaning for name, meaning in IDENTITY.items() if name in identity],
    }


def owner_in_words(application: Application) -> str:
    if application.owner is None:
        return "this facility"
    if application.project is not None:
        return f"the project {application.project} ({application.owner})"
    return f"the user {application.owner}"


def one_of(fields: Mapping[str, str], name: str, *values: str) -> str:
    """A button's value, or an empty text for what no button of ours sends."""
    found = fields.get(name, "")
    return found if found in values else ""
