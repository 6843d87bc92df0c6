"""`sfapi whoami`."""

from dataclasses import dataclass
from datetime import UTC, datetime

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import short_time
from superfacility.client.records.account import Account


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls. Level and scopes are what the access token says; the facility decides."""

    facility: str
    url: str
    account: Account
    client_id: str
    level: str
    scopes: tuple[str, ...]
    token_expires_at: datetime | None


def _whoami(call: Call) -> int:
    connection, output = call.connection, call.output
    account, claims = connection.account(), connection.token_claims()
    expires = datetime.fromtimestamp(claims["exp"], UTC) if "exp" in claims else None
    scopes = tuple(str(claims.get("scope") or "").split())
    who = Identity(
        connection.facility.name,
        connection.session.api,
        account,
        str(claims.get("client_id") or ""),
        str(claims.get("level") or ""),
        scopes,
        expires,
    )
    if output.as_json:
        output.document(identity=who)
        return exits.OK
    output.record(
        {
            "user": account.name,
            "name": f"{account.first_name} {account.last_name}".strip(),
            "mail": account.email,
            "facility": f"{who.facility} ({who.url})" if who.facility not in who.url else who.url,
            "client": who.client_id,
            "level": who.level,
            "token until": short_time(expires),
        }
    )
    return exits.OK


COMMANDS = {"whoami": Command(_whoami, answers={"identity": Identity})}
