"""Every table, one module for each area. What the migrations build must equal this; a test compares them.

Times are whole microseconds since 1970 in UTC, so that they sort and compare as numbers on every database.
"""

from superfacility.adapters.sql.tables.accounting import (
    allocation_notices,
    allocation_rules,
    allocation_shares,
    allocation_use,
    allocations,
    charges,
    usage_days,
)
from superfacility.adapters.sql.tables.admissions import invitations, join_requests
from superfacility.adapters.sql.tables.allowances import allowances
from superfacility.adapters.sql.tables.applications import (
    applications,
    authorization_codes,
    code_guesses,
    device_requests,
    grants,
    pushed_requests,
    refresh_tokens,
)
from superfacility.adapters.sql.tables.audit import audit, audit_anchor, unsealed
from superfacility.adapters.sql.tables.callbacks import (
    callback_cursor,
    callback_elements,
    callback_salts,
    callback_watches,
    deliveries,
    pending_delivery,
)
from superfacility.adapters.sql.tables.clients import (
    assertions,
    client_requests,
    client_warnings,
    clients,
    collaborations,
    revoked_tokens,
)
from superfacility.adapters.sql.tables.commits import commits
from superfacility.adapters.sql.tables.jobs import events, snapshots
from superfacility.adapters.sql.tables.logins import (
    login_accounts,
    login_attempts,
    login_identities,
    login_links,
    login_sessions,
)
from superfacility.adapters.sql.tables.metadata import SCHEMA, counters, metadata
from superfacility.adapters.sql.tables.people import group_members, groups, memberships, projects, users
from superfacility.adapters.sql.tables.status import notes, observations, outages, resources, state_changes
from superfacility.adapters.sql.tables.tasks import idempotency_keys, kept_answers, open_task, tasks

__all__ = [
    "SCHEMA",
    "allocation_notices",
    "allocation_rules",
    "allocation_shares",
    "allocation_use",
    "allocations",
    "allowances",
    "applications",
    "assertions",
    "audit",
    "audit_anchor",
    "authorization_codes",
    "callback_cursor",
    "callback_elements",
    "callback_salts",
    "callback_watches",
    "charges",
    "client_requests",
    "client_warnings",
    "clients",
    "code_guesses",
    "collaborations",
    "commits",
    "counters",
    "deliveries",
    "device_requests",
    "events",
    "grants",
    "group_members",
    "groups",
    "idempotency_keys",
    "invitations",
    "join_requests",
    "kept_answers",
    "login_accounts",
    "login_attempts",
    "login_identities",
    "login_links",
    "login_sessions",
    "memberships",
    "metadata",
    "notes",
    "observations",
    "open_task",
    "outages",
    "pending_delivery",
    "projects",
    "pushed_requests",
    "refresh_tokens",
    "resources",
    "revoked_tokens",
    "snapshots",
    "state_changes",
    "tasks",
    "unsealed",
    "usage_days",
    "users",
]
