"""The way into a facility for programs with an event loop."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from superfacility.client.calls.account import AccountCalls
from superfacility.client.calls.accounting import AccountingCalls
from superfacility.client.calls.applications import ApplicationCalls
from superfacility.client.calls.clients import ClientCalls
from superfacility.client.calls.files.calls import FileCalls
from superfacility.client.calls.jobs import JobCalls
from superfacility.client.calls.login import LoginCalls
from superfacility.client.calls.output import OutputCalls
from superfacility.client.calls.projects import ProjectCalls
from superfacility.client.calls.status import StatusCalls
from superfacility.client.calls.transfers import ReservationCalls, TransferCalls
from superfacility.client.credentials.tokens import Credentials
from superfacility.client.facilities import Facility
from superfacility.client.opening import Patience, Proof, find_facility, open_session, tls_context
from superfacility.client.transport.messages import Transport


class AsyncConnection(
    StatusCalls, AccountCalls, AccountingCalls, ClientCalls, ApplicationCalls, ProjectCalls, JobCalls, OutputCalls,
    FileCalls, TransferCalls, ReservationCalls, LoginCalls,
):  # fmt: skip
    """For programs with an event loop. Calls are coroutines; `events`, `pieces` and `follow_output` are iterated over.

    `facility` is a name of `~/.superfacility/config.toml`, or an address; without it the default one is meant. A
    connection proves itself by `credentials`, a `token`, `client_id` and `secret` (PEM or JWK), or a `key` file (its
    path, or the beginning of its name in `~/.superfacility`); without these as the environment and the configuration
    say, or by the login of `sfapi login`; else it is anonymous. `timeout` is for each wait for bytes, `patience` for
    sending a request again, in seconds.
    """

    def __init__(
        self,
        facility: str | Facility | None = None,
        *,
        credentials: Credentials | None = None,
        token: str | None = None,
        client_id: str | None = None,
        secret: str | Mapping[str, Any] | None = None,
        key: str | Path | None = None,
        token_url: str | None = None,
        timeout: float = 30.0,
        patience: float = 30.0,
        transport: Transport | None = None,
    ) -> None:
        self.facility = find_facility(facility, token_url)
        if transport is None:
            from superfacility.client.transport.asynchronous import AsyncTransport

            transport = AsyncTransport(tls_context(self.facility))
        proof = Proof(credentials, token, client_id, secret, key)
        self.session = open_session(self.facility, proof, Patience(timeout, patience), transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up what is open."""
        await self.session.transport.close()
