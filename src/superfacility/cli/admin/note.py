"""`sfapi admin note`."""

from dataclasses import replace
from typing import Annotated

from cyclopts import App, Parameter

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.admin.moments import MaybeMoment, aware
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.facility.errors import NotFound
from superfacility.facility.status import Note, ResourceName

app = App(name="note", help="Notes on the status page.", help_format="plaintext")
_SHARED = Shared()


def _row(note: Note) -> Row:
    return {
        "id": note.id,
        "resource": note.resource,
        "active": note.active,
        "starts_at": note.starts_at,
        "ends_at": note.ends_at,
        "timestamp": note.timestamp,
        "text": note.text,
    }


async def _find(desk: Desk, number: int) -> Note:
    for note in await desk.stores.board.notes():
        if note.id == number:
            return note
    raise NotFound(f"There is no note {number}; see: sfapi admin note list")


@app.command
async def add(
    resource: str,
    text: str,
    /,
    *,
    start: MaybeMoment = None,
    end: MaybeMoment = None,
    shared: Shared = _SHARED,
) -> None:
    """Write a note about a resource. It counts from its start to its end, or from now until it is withdrawn."""
    async with open_desk(shared) as desk:
        note = Note(0, ResourceName(resource), text, starts_at=aware(start), ends_at=aware(end))
        saved = await desk.status.write_note(note, desk.operator)
        done(f"Wrote note {saved.id} about {resource}.", _row(saved), as_json=shared.json)


@app.command(name="list")
async def list_notes(resource: str | None = None, /, *, shared: Shared = _SHARED) -> None:
    """List notes, about one resource or all."""
    async with open_desk(shared) as desk:
        notes = await desk.stores.board.notes()
        show_rows([_row(each) for each in notes if resource in (None, each.resource)], as_json=shared.json)


@app.command
async def show(number: int, /, *, shared: Shared = _SHARED) -> None:
    """Show a note."""
    async with open_desk(shared) as desk:
        show_record(_row(await _find(desk, number)), as_json=shared.json)


@app.command
async def change(
    number: int,
    /,
    *,
    text: str | None = None,
    active: Annotated[bool | None, Parameter(help="Whether it counts in its time.")] = None,
    start: MaybeMoment = None,
    end: MaybeMoment = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest."""
    async with open_desk(shared) as desk:
        note = await _find(desk, number)
        changed = replace(
            note,
            text=text or note.text,
            active=note.active if active is None else active,
            starts_at=aware(start) or note.starts_at,
            ends_at=aware(end) or note.ends_at,
        )
        saved = await desk.status.write_note(changed, desk.operator)
        done(f"Changed note {number}.", _row(saved), as_json=shared.json)


@app.command
async def withdraw(number: int, /, *, shared: Shared = _SHARED) -> None:
    """Let a note count no more, but keep it on record."""
    async with open_desk(shared) as desk:
        withdrawn = replace(await _find(desk, number), active=False)
        saved = await desk.status.write_note(withdrawn, desk.operator)
        done(f"Withdrew note {number}.", _row(saved), as_json=shared.json)


@app.command
async def remove(number: int, /, *, shared: Shared = _SHARED) -> None:
    """Remove a note."""
    async with open_desk(shared) as desk:
        await desk.status.remove_note(number, desk.operator)
        done(f"Removed note {number}.", {"id": number, "removed": True}, as_json=shared.json)
