"""The published description of the API, made from the routes: the same routes always give the same document."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import BaseModel
from starlette.routing import BaseRoute

from superfacility.http.bodies import FormBody
from superfacility.http.security import declared_scope, is_public
from superfacility.oauth.scopes import SCOPES, Scope

TITLE = "Superfacility API"
VERSION = "1.2"
DESCRIPTION = """
Call a computing centre from a program: is it up, put data there, run a job, see the result, archive it.

**Tokens.** Register a client (a program of yours), prove yourself with its private key at the token endpoint, and send
`Authorization: Bearer <token>`. To try things here, press *Authorize* and paste a token.

**Security levels.** Each operation names the level that it needs (`x-nersc-scope`): *public*, *green* (read), *yellow*
(also jobs and listings), *orange* (also files and transfers), *red* (also commands and submissions).

**Tasks.** What takes time answers at once with a task; follow it with `GET /tasks/{id}` until it is no longer `new`.

**Errors.** Bodies with a `status` say `ERROR` and why, with HTTP 200. All others answer `{"detail": …}` with 403 (who
you are, what you may do), 404 (unknown), 409 (a contradiction), 422 (wrong input), 429 (too much) or 503 (not now; see
`Retry-After`).
""".strip()
TAGS = [
    {"name": "meta", "description": "What changed, and facts about this installation. Public."},
    {"name": "status", "description": "Is it up? Resources, outages, planned outages, notes. Public."},
    {"name": "account", "description": "Who you are: projects and their balance, roles, groups, clients."},
    {"name": "compute", "description": "Jobs: list, look at, submit, cancel."},
    {"name": "storage", "description": "Copy data between systems and the archive."},
    {"name": "tasks", "description": "Follow and cancel what takes time."},
    {"name": "utilities", "description": "Commands and small files on a system, as you."},
    {"name": "reservations", "description": "Set cores or nodes aside for a time."},
]

Document = dict[str, Any]


def document(routes: Sequence[BaseRoute], *, base_path: str, token_url: str) -> Document:
    """`routes` have paths relative to the API's base."""
    found = get_openapi(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        routes=routes,
        tags=TAGS,
        servers=[{"url": base_path, "description": "This installation"}],
        license_info={"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        separate_input_output_schemas=False,
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    components["securitySchemes"] = _security_schemes(token_url)
    schemas["Problem"] = _PROBLEM
    schemas["HTTPValidationError"] = _VALIDATION_PROBLEM
    schemas.pop("ValidationError", None)
    for route, method, operation in _operations(found, routes):
        _describe(operation, route, method, schemas)
    for schema in schemas.values():
        _complete_examples(schema)
    components["schemas"] = dict(sorted(schemas.items()))
    return found


def _complete_examples(schema: Document) -> None:
    """FastAPI leaves nulls out of the document, and so out of the examples of answers that have them."""
    for example in schema.get("examples", ()):
        for name in schema.get("required", ()):
            example.setdefault(name, None)


def _operations(found: Document, routes: Sequence[BaseRoute]) -> Iterator[tuple[RouteContext, str, Document]]:
    for route in iter_route_contexts(routes):
        operations = found["paths"].get(route.path_format or "", {})
        for method in sorted(route.methods or ()):
            if method.lower() in operations:
                yield route, method, operations[method.lower()]


def _describe(operation: Document, route: RouteContext, method: str, schemas: Document) -> None:
    scope = declared_scope(route)
    name = getattr(route.endpoint, "__name__", method.lower())
    operation["operationId"] = f"{operation['tags'][0]}_{name}" if operation.get("tags") else name
    operation["x-nersc-scope"] = "public" if scope is None else SCOPES[scope].level.label
    if scope is None:
        assert is_public(route), f"{method} {route.path} declares no scope and is not public"
        operation["security"] = []
    else:
        operation["x-superfacility-scope"] = scope.value
        operation["security"] = [{"bearer": []}, {"clientCredentials": [scope.value]}]
        operation["description"] = _with_level(operation.get("description", ""), scope)
    for form in _forms(route.dependant):
        operation["requestBody"] = _request_body(form.model, schemas)
    _add_problems(operation, method, scope)


def _with_level(description: str, scope: Scope) -> str:
    rule = SCOPES[scope]
    article = "an" if rule.level.label[0] in "aeiou" else "a"
    return f"{description}\n\nNeeds the scope `{scope.value}`: {article} {rule.level.label} client or above.".strip()


def _forms(dependant: Dependant) -> Iterator[FormBody[Any]]:
    for each in dependant.dependencies:
        if isinstance(each.call, FormBody):
            yield each.call
        yield from _forms(each)


def _request_body(model: type[BaseModel], schemas: Document) -> Document:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, definition in (schema.pop("$defs", {}) | {model.__name__: schema}).items():
        assert schemas.setdefault(name, definition) == definition, f"two schemas named {name}"
    reference = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    return {
        "required": True,
        "content": {"application/x-www-form-urlencoded": reference, "application/json": dict(reference)},
    }


def _add_problems(operation: Document, method: str, scope: Scope | None) -> None:
    responses = operation["responses"]
    for status, description in _problems(operation, method, scope):
        responses.setdefault(status, {"description": description}).setdefault("content", _content("Problem"))
    responses["422"] = {"description": "The request is wrong as it stands", "content": _content("HTTPValidationError")}
    operation["responses"] = dict(sorted(responses.items()))


def _problems(operation: Document, method: str, scope: Scope | None) -> Iterable[tuple[str, str]]:
    if scope is not None:
        yield "403", "Who you are, or what you may do: `detail` says which, and what to do"
    yield "404", "Not found"
    if method != "GET":
        yield "409", "It contradicts what is already there"
    if "requestBody" in operation:
        yield "413", "The body is too long"
    if scope is not None:
        yield "429", "Too much at once; `Retry-After` says when to go on"
    yield "503", "Not now; `Retry-After` says when"


def _content(schema: str) -> Document:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _security_schemes(token_url: str) -> Document:
    scopes = {scope.value: f"{rule.level.label}: {rule.meaning}" for scope, rule in sorted(SCOPES.items())}
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token, as the token endpoint gives it. Paste it here.",
        },
        "clientCredentials": {
            "type": "oauth2",
            "description": "For programs: client credentials with a signed assertion (`private_key_jwt`, RFC 7523).",
            "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": scopes}},
        },
    }


_PROBLEM: Document = {
    "title": "Problem",
    "description": "What went wrong, in words: the cause, who must act, and the next step.",
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string"}},
    "examples": [{"detail": "Not authenticated"}],
}
_VALIDATION_PROBLEM: Document = {
    "title": "HTTPValidationError",
    "description": "What was wrong and where; a single text where no one field is to blame.",
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["loc", "msg", "type"],
                        "properties": {
                            "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                            "msg": {"type": "string"},
                            "type": {"type": "string"},
                        },
                    },
                },
            ]
        }
    },
}
