"""From the name of a facility to a session with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from superfacility.client.environment import Environment, read_environment
from superfacility.client.facilities import Facility, read_facilities
from superfacility.client.transport.messages import Transport
from superfacility.client.wire.session import Session

if TYPE_CHECKING:
    import ssl

    from superfacility.client.credentials.tokens import Credentials, TokenEndpoint


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """What the caller has given; the first of these that is there is used."""

    credentials: "Credentials | None" = None
    token: str | None = None
    client_id: str | None = None
    secret: str | Mapping[str, Any] | None = None
    key: str | Path | None = None
    share: bool = False
    """Keep tokens of keys in a file, for the next program."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for one wait for bytes, and for sending a request again."""

    timeout: float = 30.0
    again: float = 30.0


class LateCredentials:
    """Chosen when a token is needed for the first time: what is public loads no key."""

    def __init__(self, proof: Proof, facility: Facility, environment: Environment, transport: Transport) -> None:
        self._arguments = (proof, facility, environment, transport)
        self._chosen: Credentials | None = None

    async def token(self, endpoint: "TokenEndpoint", *, refused: str | None = None) -> str | None:
        if self._chosen is None:
            from superfacility.client.credentials.choice import choose_credentials

            self._chosen = choose_credentials(*self._arguments)
        return await self._chosen.token(endpoint, refused=refused)


def find_facility(facility: str | Facility | None, token_url: str | None = None) -> Facility:
    """By name, address, or as the environment and the configuration say."""
    if not isinstance(facility, Facility):
        environment = read_environment()
        facility = read_facilities(environment).chosen(facility, environment)
    return replace(facility, token_url=token_url) if token_url else facility


def open_session(
    facility: Facility,
    proof: Proof,
    patience: Patience,
    transport: Transport,
) -> Session:
    credentials = LateCredentials(proof, facility, read_environment(), transport)
    return Session(
        facility.url,
        transport,
        credentials,
        token_url=facility.token_url,
        timeout=patience.timeout,
        patience=patience.again,
    )


def tls_context(facility: Facility) -> "Callable[[], ssl.SSLContext] | None":
    """What to trust, where it is not what the machine trusts; made when it is needed."""
    if facility.ca_file is None:
        return None

    def made() -> "ssl.SSLContext":
        import ssl

        return ssl.create_default_context(cafile=facility.ca_file)

    return made
