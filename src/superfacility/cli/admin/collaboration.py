"""`sfapi admin collaboration`: accounts that several people manage."""

from typing import Annotated

from cyclopts import App, Parameter

from superfacility.bootstrap.clients import open_collaborations
from superfacility.cli.admin.desk import open_desk
from superfacility.cli.output import Row, Shared, done, show_rows
from superfacility.oauth.registration.collaborations import CollaborationAccount

app = App(name="collaboration", help="Accounts that several people manage.", help_format="plaintext")
_SHARED = Shared()

Managers = Annotated[
    tuple[str, ...],
    Parameter(name="--manager", negative=(), help="User who manages it; may be given several times."),
]


def _row(account: CollaborationAccount) -> Row:
    return {"user": account.user, "project": account.project, "managers": list(account.managers)}


@app.command(name="set")
async def set_(user: str, /, *, project: str | None = None, manager: Managers = (), shared: Shared = _SHARED) -> None:
    """Let people make clients that act as an account, in place of those who could before.

    Parameters
    ----------
    user
        The account; nobody should log in as it.
    project
        Project whose PI and proxies manage the account.
    """
    async with open_desk(shared) as desk:
        account = await open_collaborations(desk.stores, desk.clock).save(user, project, manager, desk.operator)
        done(f"{user} is a collaboration account.", _row(account), as_json=shared.json)


@app.command(name="list")
async def list_accounts(*, shared: Shared = _SHARED) -> None:
    """List collaboration accounts and who manages them."""
    async with open_desk(shared) as desk:
        found = await open_collaborations(desk.stores, desk.clock).all()
        show_rows([_row(each) for each in found], as_json=shared.json)


@app.command
async def remove(user: str, /, *, shared: Shared = _SHARED) -> None:
    """Make an account an ordinary user again. Clients in the hands of who managed it rest."""
    async with open_desk(shared) as desk:
        await open_collaborations(desk.stores, desk.clock).remove(user, desk.operator)
        done(f"{user} is an ordinary user again.", {"user": user, "removed": True}, as_json=shared.json)
