"""The page where people see what they have allowed, and take it back."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from superfacility.auth.pages import checked_form, form_token, page, page_router, signed_in, to_login
from superfacility.auth.provider.context import grants_of, in_words, owner_in_words
from superfacility.http.security import caller_address
from superfacility.services.access.grants import Allowed

ALLOWED_PATH = "/account/applications"

router = page_router()


@router.get(ALLOWED_PATH)
async def show(request: Request) -> Response:
    session = await signed_in(request)
    if session is None:
        return to_login(request)
    rows = _by_application(await grants_of(request).of(session.user))
    return page(request, "allowed.html", token=form_token(session), action=ALLOWED_PATH, rows=rows)


@router.post(ALLOWED_PATH)
async def revoke(request: Request) -> Response:
    """Everything that one application was allowed."""
    session = await signed_in(request)
    fields = await checked_form(request, session)
    assert session is not None, "else the form is refused"
    await grants_of(request).revoke_all(session.user, fields.get("application", ""), caller_address(request))
    return RedirectResponse(ALLOWED_PATH, 303)


def _by_application(grants: Sequence[Allowed]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for each in grants:
        grant, application = each.grant, each.application
        row = rows.setdefault(application.id, {"application": application, "owner": owner_in_words(application)})
        row.setdefault("grants", []).append(
            {
                "since": grant.created_at.strftime("%d %B %Y, %H:%M"),
                "until": grant.expires_at.strftime("%d %B %Y, %H:%M UTC"),
                **in_words(grant.scopes, grant.identity),
            }
        )
    return list(rows.values())
