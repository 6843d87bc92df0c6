"""From template to answer, with headers that keep a page to itself."""

import hashlib
import re
from functools import cache
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from superfacility.auth.pages.cookies import login_of
from superfacility.services.access.login import Appearance

STYLE_PATH = "/pages/style.css"
LOGO_PATH = "/pages/logo"
_SOURCES = re.compile(r"[!-+\--:<-~ ]*")
_templates = Environment(
    loader=PackageLoader("superfacility.auth.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(request: Request, name: str, /, *, status: int = 200, form_action: str = "", **context: Any) -> Response:
    """A page from a template, which extends `layout.html`.

    `form_action` names further places that its forms lead to, as Content-Security-Policy spells them: browsers check
    the redirects that follow a form, too.
    """
    appearance = login_of(request).appearance
    body = _templates.get_template(name).render(
        facility=appearance, style=style_path(appearance), logo=LOGO_PATH, **context
    )
    return Response(body, status, _headers(login_of(request).origins[0], form_action), "text/html; charset=utf-8")


def onward(request: Request, url: str) -> Response:
    """Leads on after a form without a redirect, which Content-Security-Policy would count as the form's own."""
    response = page(request, "onward.html", url=url)
    response.headers["Refresh"] = f"0; url={url}"
    return response


def _headers(origin: str, form_action: str) -> dict[str, str]:
    assert _SOURCES.fullmatch(form_action), "sources of a policy"
    sources = f"'self' {form_action}".strip()
    return {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        f"form-action {sources}; frame-ancestors 'none'; base-uri 'none'",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # not no-referrer: browsers would send Origin: null with our own forms
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Access-Control-Allow-Origin": origin,
    }


@cache
def stylesheet(colour: str, on_colour: str) -> tuple[bytes, str]:
    """The one stylesheet in the facility's colours, and what tells its versions apart."""
    source, _, _ = _templates.loader.get_source(_templates, "style.css")  # type: ignore[union-attr]
    content = f":root {{ --facility: {colour}; --on-facility: {on_colour}; }}\n{source}".encode()
    return content, hashlib.sha256(content).hexdigest()[:16]


def style_path(appearance: Appearance) -> str:
    return f"{STYLE_PATH}?v={stylesheet(appearance.colour, appearance.on_colour)[1]}"
