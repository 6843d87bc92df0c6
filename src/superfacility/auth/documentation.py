"""How the token endpoint appears in the API document: its form is read by hand, so it is described by hand."""

from typing import Any

from superfacility.oauth.token_requests import ASSERTION_TYPE, GRANT_TYPE

_TEXT = {"type": "string"}

TOKEN_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "title": "TokenRequest",
                    "type": "object",
                    "required": ["grant_type", "client_assertion_type", "client_assertion"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": [GRANT_TYPE]},
                        "client_assertion_type": {"type": "string", "enum": [ASSERTION_TYPE]},
                        "client_assertion": {**_TEXT, "description": "A JWT signed with the client's key (RFC 7523)"},
                        "client_id": {**_TEXT, "description": "Not needed; the same as the `sub` of the assertion"},
                        "scope": {**_TEXT, "description": "Fewer scopes than the client has, separated by blanks"},
                    },
                }
            }
        },
    }
}

_ERROR = {
    "title": "TokenError",
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {"error": _TEXT, "error_description": _TEXT},
}


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ERROR}}}


TOKEN_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An access token",
        "content": {
            "application/json": {
                "schema": {
                    "title": "TokenResponse",
                    "type": "object",
                    "required": ["access_token", "scope", "token_type", "expires_in"],
                    "properties": {
                        "access_token": _TEXT,
                        "scope": _TEXT,
                        "token_type": {"type": "string", "enum": ["Bearer"]},
                        "expires_in": {"type": "integer", "example": 600},
                    },
                }
            }
        },
    },
    400: _error("The request is malformed"),
    401: _error("The client was not accepted"),
    413: _error("The request is too large"),
    429: _error("Too many assertions without a single-use id"),
}
