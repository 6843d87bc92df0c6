"""What an installation holds, as plain SQL rows of the schemas that brought the tables: no store of today made them."""

from typing import Any

import orjson
from sqlalchemy import Connection, MetaData, Table, insert, text

AT = 1_772_366_400_000_000
"""2026-03-01 12:00 UTC in microseconds."""
DAY = 86_400_000_000
JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "k1"}
Rows = list[tuple[str, dict[str, Any]]]


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


_PHONES = {"first_name": "Ada", "middle_name": "", "last_name": "Lovelace", "work_phone": "", "other_phones": "[]"}
_TASK = {
    "owner": "ada", "intent": _json({"path": "/x"}), "created_at": AT, "updated_at": AT, "due_at": AT, "level": "red",
    "client_id": "abcdefghijklm", "cancel_requested": False, "interrupted": False,
}  # fmt: skip
_AUDIT = {"at": AT, "actor": "ada", "target": "perlmutter", "client_id": None, "address": "192.0.2.1", "detail": "é"}

ROWS: dict[str, Rows] = {
    "0001": [
        ("users", {"uid": 1001, "name": "ada", "email": "ada@example.org", "staff": True, "active": True, **_PHONES}),
        ("users", {"uid": 1002, "name": "bob", "email": "", "staff": False, "active": False, **_PHONES}),
        (
            "projects",
            {
                "name": "m0001", "description": "Engines", "cpu_hours": 100.0, "gpu_hours": 5.0,
                "project_bytes": 1 << 40, "archive_bytes": None, "active": True,
            },
        ),
        ("memberships", {"project": "m0001", "user": "ada", "role": "pi"}),
        ("memberships", {"project": "m0001", "user": "bob", "role": "user"}),
        ("groups", {"gid": 5001, "name": "engines", "project": "m0001"}),
        ("group_members", {"group": "engines", "user": "bob"}),
        (
            "resources",
            {
                "name": "perlmutter", "full_name": "Perlmutter", "kind": "compute", "state": "active",
                "description": "Fine", "updated_at": AT,
            },
        ),
        (
            "outages",
            {
                "resource": "perlmutter", "start_at": AT, "end_at": AT + DAY, "description": "Maintenance", "notes": "",
                "impact": "unavailable", "status": "Planned", "updated_at": AT,
            },
        ),
        ("notes", {"resource": "perlmutter", "text": "Be gentle", "active": True, "timestamp": AT}),
        (
            "clients",
            {
                "id": "abcdefghijklm", "user": "ada", "name": "pipeline", "level": "red", "scopes": _json([]),
                "ranges": _json(["192.0.2.0/28"]), "keys": _json([JWK]), "created_at": AT, "expires_at": AT + DAY,
                "revoked_at": None, "comments": "words",
            },
        ),
        ("assertions", {"client_id": "abcdefghijklm", "jti": b"j" * 16, "expires_at": AT}),
        (
            "tasks",
            {**_TASK, "handler": "copy", "status": "new", "result": None, "reference": "r1", "attempts": 0},
        ),
        (
            "tasks",
            {
                **_TASK, "handler": "compute.submit", "status": "completed", "reference": None, "attempts": 1,
                "result": _json({"status": "ok", "jobid": "7", "error": None}),
            },
        ),
        (
            "idempotency_keys",
            {
                "client_id": "abcdefghijklm", "method": "POST", "path": "/x", "key": "k", "fingerprint": "f",
                "task_id": 1,
            },
        ),
        ("audit", {**_AUDIT, "action": "compute.submit"}),
        ("audit", {**_AUDIT, "action": "tasks.cancel"}),
        (
            "charges",
            {
                "system": "perlmutter", "job_id": "7", "submitted_at": AT, "project": "m0001", "user": "ada",
                "node_hours": 2.5, "ended_at": AT + DAY,
            },
        ),
    ],
    "0002": [
        (
            "events",
            {
                "kind": "job", "at": AT, "subject": "7", "system": "perlmutter", "user": "ada", "project": "m0001",
                "data": _json({"jobid": "7", "state": "COMPLETED"}),
            },
        ),
        (
            "snapshots",
            {"system": "perlmutter", "kind": "queue", "began_at": AT, "digest": "d", "payload": b"\x00payload"},
        ),
    ],
    "0003": [
        (
            "observations",
            {
                "probe": "login", "resource": "perlmutter", "state": "active", "description": "", "latency": 0.1,
                "at": AT, "expires_at": AT + DAY, "since": None,
            },
        ),
        (
            "state_changes",
            {
                "resource": "perlmutter", "outage": None, "state": "active", "previous": "degraded",
                "description": "Fine", "at": AT,
            },
        ),
    ],
    "0004": [
        ("callback_cursor", {"event_id": 1}),
        ("callback_salts", {"owner": "ada", "current": "salt", "previous": None, "rotated_at": None}),
        (
            "callback_watches",
            {
                "task_id": "1", "owner": "ada", "system": "perlmutter", "created_at": AT, "since": 0,
                "url": "https://example.org/hook", "email": None, "deadline": None, "job_id": None, "settling": False,
                "ended": False,
            },
        ),
        (
            "deliveries",
            {
                "task_id": "2", "channel": "webhook", "kind": "job.ended", "owner": "ada", "system": "perlmutter",
                "job_id": "7", "target": "https://example.org/hook", "place": "example.org", "body": "{}",
                "message_id": "msg_1", "created_at": AT, "expires_at": AT + DAY, "dead_because": None,
                "state": "pending", "attempts": 1, "due_at": AT, "give_up_at": AT + DAY, "updated_at": AT,
                "status": 500, "error": "no",
            },
        ),
    ],
    "0005": [
        (
            "login_accounts",
            {
                "user": "ada", "password": "$argon2id$x", "changed_at": AT, "totp": None, "totp_step": 0,
                "recovery": _json(["r"]),
            },
        ),
        ("login_identities", {"provider": "lab", "subject": "s-1", "user": "ada"}),
    ],
    "0006": [
        (
            "applications",
            {
                "id": "gatewaygatewa", "name": "Gateway", "owner": "ada", "project": "m0001", "level": "yellow",
                "scopes": _json([]), "redirect_uris": _json(["https://gateway.example/cb"]), "logout_uris": _json([]),
                "keys": _json([]), "created_at": AT, "approval": "approved", "homepage": "", "profile": "compat",
                "device": False, "dpop": False, "resource_server": False, "revoked_at": None,
            },
        ),
        (
            "grants",
            {
                "id": "g-1", "application": "gatewaygatewa", "user": "bob", "scopes": _json([]), "identity": _json([]),
                "created_at": AT, "expires_at": AT + DAY, "logged_in_at": AT, "methods": _json(["pwd"]),
                "session": None, "key_thumbprint": None, "revoked_at": None,
            },
        ),
    ],
}  # fmt: skip


def fill(connection: Connection, revision: str) -> set[str]:
    """Insert what a database of that schema can hold; returns the tables that have rows."""
    filled: set[str] = set()
    for since, rows in ROWS.items():
        for name, values in rows if since <= revision else ():
            table = Table(name, MetaData(), autoload_with=connection)
            connection.execute(insert(table), {key: value for key, value in values.items() if key in table.c})
            filled.add(name)
    if revision >= "0012":  # the hours of projects moved
        connection.execute(text("INSERT INTO allocations (project, kind, hours) VALUES ('m0001', 'cpu', 100.0)"))
    return filled
