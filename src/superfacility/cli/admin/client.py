"""`sfapi admin client`.

The installation keeps public keys alone; who has none yet is made a pair here, in a file of their own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter, validators

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.key_file import key_text, new_key_file, read_public_key
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.facility.errors import InvalidInput
from superfacility.oauth.clients import Client
from superfacility.oauth.keys import generate_key_pair
from superfacility.oauth.scopes import SecurityLevel

app = App(name="client", help="Programs that may call the API, and their keys.", help_format="plaintext")
_SHARED = Shared()

Level = Literal["green", "yellow", "orange", "red"]
Ranges = Annotated[
    tuple[str, ...],
    Parameter(name="--ip", negative=(), help="Addresses that it may call from, as CIDR; may be given several times."),
]
Scopes = Annotated[
    tuple[str, ...],
    Parameter(name="--scope", negative=(), help="Scope that it may use, several times; without any: all of its level."),
]
Days = Annotated[
    float | None,
    Parameter(
        validator=validators.Number(gt=0, lte=36500), help="Days until it expires; unset: as many as the level allows."
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Proof:
    """How a client proves that it is itself."""

    algorithm: Annotated[
        Literal["RS256", "ES256", "EdDSA"], Parameter(help="How it signs; sfapi_client needs RS256.")
    ] = "RS256"
    strict: Annotated[
        bool,
        Parameter(
            help="Take only what FAPI 2.0 allows as its proof: ES256, EdDSA or PS256, for the issuer alone, for a "
            "minute, with a jti, in the form body. sfapi_client cannot."
        ),
    ] = False
    dpop: Annotated[
        bool,
        Parameter(help="Bind its tokens to a key that it shows with each request (RFC 9449). sfapi_client cannot."),
    ] = False


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Key:
    """Whose key it is: that of who runs it, or a new one."""

    out: Annotated[
        Path | None,
        Parameter(
            help="New file for the private key of a new pair: `.json`, or PEM for any other ending. sfapi_client reads "
            "both."
        ),
    ] = None
    public_key: Annotated[
        Path | None,
        Parameter(help="File with the public key, as JWK or PEM: the private one stays where it was made."),
    ] = None


_PLAIN, _NO_KEY = Proof(), Key()


def _row(client: Client) -> Row:
    return {
        "id": client.id,
        "user": client.user,
        "holder": client.holder,
        "name": client.name,
        "level": client.level.label,
        "ranges": list(client.ranges),
        "created_at": client.created_at,
        "expires_at": client.expires_at,
        "revoked_at": client.revoked_at,
        "comments": client.comments,
    }


def _full_row(client: Client) -> Row:
    proof = {"strict": client.strict, "dpop": client.dpop}
    return {**_row(client), "scopes": sorted(client.scopes), "keys": len(client.keys), **proof}


def _lifetime(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


@app.command
async def create(
    *,
    user: str,
    name: str,
    level: Level,
    ip: Ranges,
    key: Key = _NO_KEY,
    scope: Scopes = (),
    days: Days = None,
    comments: str = "",
    proof: Proof = _PLAIN,
    shared: Shared = _SHARED,
) -> None:
    """Register a client that acts as a user, with the public key of who runs it, or with a new pair.

    Parameters
    ----------
    user
        User as whom it acts.
    name
        Name for people.
    level
        How much it may do: green reads the account, yellow also sees jobs, orange also moves data, red does everything.
    comments
        Anything worth remembering.
    """
    _check_one(key)
    async with open_desk(shared) as desk:
        register = partial(
            desk.clients.create,
            user,
            name,
            SecurityLevel.from_label(level),
            ranges=ip,
            actor=desk.operator,
            scopes=scope or None,
            lifetime=_lifetime(days),
            comments=comments,
            strict=proof.strict,
            dpop=proof.dpop,
        )
        client = await _registered(register, key, proof.algorithm)
        kept = {} if key.out is None else {"key_file": str(key.out)}
        text = f"Client {client.id} ({level}, acts as {user}) until {client.expires_at:%Y-%m-%d %H:%M} UTC"
        done(": ".join([text, *kept.values()]), {**_full_row(client), **kept}, as_json=shared.json)


def _check_one(key: Key) -> None:
    if key.out is not None and key.public_key is not None:
        raise InvalidInput("Give --public-key with a key that there is, or --out for a new pair, not both.")
    if key.out is None and key.public_key is None:
        raise InvalidInput("Give --public-key with the key of who runs it, or --out for a new pair.")


async def _registered(register: Callable[..., Awaitable[Client]], key: Key, algorithm: str) -> Client:
    if key.out is not None:
        return await _with_new_pair(register, key.out, algorithm)
    assert key.public_key is not None
    return await register(keys=[read_public_key(key.public_key)])


async def _with_new_pair(register: Callable[..., Awaitable[Client]], out: Path, algorithm: str) -> Client:
    """The private half goes into the file, or there is neither file nor client."""
    private, public = generate_key_pair(algorithm)
    with new_key_file(out) as file:
        client = await register(keys=[public])
        file.write(key_text(out, client.id, private))
    return client


@app.command(name="list")
async def list_clients(*, user: str | None = None, shared: Shared = _SHARED) -> None:
    """List clients, newest first, also expired and revoked ones."""
    async with open_desk(shared) as desk:
        show_rows([_row(client) for client in await desk.clients.list(user)], as_json=shared.json)


@app.command
async def show(client_id: str, /, *, shared: Shared = _SHARED) -> None:
    """Show a client with its scopes."""
    async with open_desk(shared) as desk:
        show_record(_full_row(await desk.clients.get(client_id)), as_json=shared.json)


@app.command
async def change(
    client_id: str,
    /,
    *,
    name: str | None = None,
    ip: Ranges = (),
    scope: Scopes = (),
    comments: str | None = None,
    strict: bool | None = None,
    dpop: bool | None = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest. A client keeps its level: for another one, create another client.

    Parameters
    ----------
    strict
        Whether only what FAPI 2.0 allows is taken as its proof.
    dpop
        Whether its tokens are bound to a key that it shows with each request; those it has without are refused.
    """
    async with open_desk(shared) as desk:
        client = await desk.clients.change(
            client_id,
            actor=desk.operator,
            name=name,
            ranges=ip or None,
            scopes=scope or None,
            comments=comments,
            strict=strict,
            dpop=dpop,
        )
        done(f"Changed client {client_id}.", _full_row(client), as_json=shared.json)


@app.command
async def renew(client_id: str, /, *, days: Days = None, shared: Shared = _SHARED) -> None:
    """Let a client live on from now."""
    async with open_desk(shared) as desk:
        client = await desk.clients.renew(client_id, actor=desk.operator, lifetime=_lifetime(days))
        text = f"Client {client_id} expires {client.expires_at:%Y-%m-%d %H:%M} UTC."
        done(text, _full_row(client), as_json=shared.json)


@app.command
async def revoke(client_id: str | None = None, /, *, user: str | None = None, shared: Shared = _SHARED) -> None:
    """End a client's power at once and for good, or that of all clients of a --user.

    Tokens it has are refused from now on, and its tasks that have not started are cancelled.
    """
    async with open_desk(shared) as desk:
        ids = await _to_revoke(desk, client_id, user)
        for each in ids:
            await desk.clients.revoke(each, actor=desk.operator)
        rows = [_full_row(await desk.clients.get(each)) for each in ids]
        if shared.json:
            show_rows(rows, as_json=True)
        else:
            done(f"Revoked: {', '.join(ids) or 'none'}.", {}, as_json=False)


async def _to_revoke(desk: Desk, client_id: str | None, user: str | None) -> list[str]:
    if (client_id is None) == (user is None):
        raise InvalidInput("Name one client by its id, or all clients of a user with --user.")
    if client_id is not None:
        return [client_id]
    assert user is not None
    known = await desk.people.user(user)  # a slip of the pen must not look like a revocation
    return [client.id for client in await desk.clients.list(known.name) if client.revoked_at is None]


@app.command
async def remove(client_id: str, /, *, shared: Shared = _SHARED) -> None:
    """Forget a client altogether. To stop one and keep the record: revoke."""
    async with open_desk(shared) as desk:
        await desk.clients.remove(client_id, actor=desk.operator)
        done(f"Removed client {client_id}.", {"id": client_id, "removed": True}, as_json=shared.json)
