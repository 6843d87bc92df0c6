"""`sfapi audit`: what was done, by whom, and whether the log of it is whole."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from superfacility.bootstrap.audit import verify_audit
from superfacility.cli.admin.desk import open_desk
from superfacility.cli.admin.moments import MaybeMoment, aware
from superfacility.cli.output import Row, Shared, say, show_record, show_rows, warn
from superfacility.facility.audit import AuditEntry, AuditQuery
from superfacility.facility.audit.chain import Seal
from superfacility.facility.errors import InvalidInput
from superfacility.services.audit import Verification

app = App(name="audit", help="What was done, by whom, and whether the log of it is whole.", help_format="plaintext")
_SHARED = Shared()


@app.command
async def verify(
    *,
    at: Annotated[str | None, Parameter(help="A seal, POSITION:DIGEST, that was noted elsewhere.")] = None,
    shared: Shared = _SHARED,
) -> None:
    """Compute every seal again and compare it. Exit code 1 if the log was changed, shortened or reordered."""
    expected = None if at is None else _seal(at)
    async with open_desk(shared) as desk:
        found = await verify_audit(desk.settings, desk.stores, expected)
    if shared.json:
        show_record(_record(found), as_json=True)
    else:
        _report(found)
    if found.faults:
        sys.exit(1)


@app.command
async def search(
    *,
    actor: Annotated[str | None, Parameter(help="User name, or operator:NAME.")] = None,
    action: Annotated[str | None, Parameter(help="As compute.submit; compute.* for a group of them.")] = None,
    target: Annotated[str | None, Parameter(help="What it was done to.")] = None,
    client: Annotated[str | None, Parameter(help="Id of the client that was used.")] = None,
    address: Annotated[str | None, Parameter(help="Where the request came from.")] = None,
    text: Annotated[str | None, Parameter(help="Part of the target or of the details.")] = None,
    since: MaybeMoment = None,
    until: MaybeMoment = None,
    limit: Annotated[int, Parameter(help="The newest so many.")] = 100,
    shared: Shared = _SHARED,
) -> None:
    """List entries, newest first."""
    query = AuditQuery(actor, action, target, client, address, text, aware(since), aware(until), max(limit, 1))
    async with open_desk(shared) as desk:
        show_rows([_row(each) for each in await desk.stores.audit.search(query)], as_json=shared.json)


def _seal(text: str) -> Seal:
    try:
        return Seal.read(text)
    except ValueError:
        raise InvalidInput(
            f"--at {text!r} is no seal: give POSITION:DIGEST as `sfapi audit verify` prints it."
        ) from None


def _report(found: Verification) -> None:
    first = found.beginning.position + 1
    say(f"{found.entries} entries, from position {first}; the last seal is")
    say(f"  {found.head}")
    if found.waiting:
        say(f"{found.waiting} wait to be sealed; a process that serves or works does that within seconds.")
    for fault in found.faults:
        warn(f"sfapi: {fault}")
    if found.faults:
        warn(
            "sfapi: The audit log is not whole. Keep a copy of the database, and compare it with your backups and logs."
        )
    else:
        say("The log is whole.")


def _record(found: Verification) -> Row:
    return {
        "whole": not found.faults,
        "entries": found.entries,
        "beginning": str(found.beginning),
        "head": str(found.head),
        "waiting": found.waiting,
        "faults": list(found.faults),
    }


def _row(entry: AuditEntry) -> Row:
    return {
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "client": entry.client_id,
        "address": entry.address,
        "detail": entry.detail,
    }
