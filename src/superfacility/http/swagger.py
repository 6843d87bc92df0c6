"""The interactive documentation at the API's base URL: Swagger UI from files of our own installation, no network."""

import json
from functools import cache
from html import escape
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from superfacility.http.routing import public_route

_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/png" href="{base}/docs/favicon.png">
<link rel="stylesheet" href="{base}/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The description of the API is at <a href="{base}/openapi.json">openapi.json</a>.
</noscript>
<script src="{base}/docs/swagger-ui-bundle.js"></script>
<script src="{base}/docs/initialiser.js"></script>
</body>
</html>
"""
_INITIALISER = """window.ui = SwaggerUIBundle({{
  url: {url},
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
}});
"""


def documentation_routes(base_path: str, title: str) -> list[Route]:
    """The page at the base path, and its files below `docs/`."""
    page = _PAGE.format(title=escape(title), base=escape(base_path))
    script = _INITIALISER.format(url=json.dumps(f"{base_path}/openapi.json"))

    async def swagger_page(_: Request) -> Response:
        return HTMLResponse(page, headers={"content-security-policy": _POLICY, "cache-control": "no-cache"})

    async def swagger_file(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "initialiser.js":
            return Response(script, media_type="text/javascript", headers={"cache-control": "no-cache"})
        if name not in _FILES:
            return Response('{"detail":"Not Found"}', 404, media_type="application/json")
        return Response(_bytes(name), media_type=_FILES[name], headers={"cache-control": "public, max-age=3600"})

    return [public_route(base_path, swagger_page), public_route(f"{base_path}/docs/{{name}}", swagger_file)]


@cache
def _bytes(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes()
