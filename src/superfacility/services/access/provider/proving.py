"""Which application asks: at the token endpoint and those beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from superfacility.oauth.applications import Application
from superfacility.oauth.assertions import invalid_client
from superfacility.oauth.errors import NotGenuine, OAuthError
from superfacility.oauth.token_requests import ASSERTION_TYPE
from superfacility.services.access.assertions import NOT_ACCEPTED, AssertionDesk
from superfacility.services.access.provider.known import KnownApplications

log = structlog.get_logger(__name__)

Once = Mapping[str, str]


def once(parameters: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """RFC 6749 section 3.2: each at most once, and one without a value counts as left out."""
    if any(len(values) != 1 for values in parameters.values()):
        raise OAuthError("invalid_request", "A parameter came more than once: send each once, in the form alone.")
    return {name: values[0] for name, values in parameters.items() if values[0]}


@dataclass(frozen=True, slots=True)
class ApplicationProofs:
    """Confidential applications sign an assertion; public ones say who they are, and PKCE does the rest. There are no
    client secrets."""

    known: KnownApplications
    desk: AssertionDesk

    async def prove(self, parameters: Once, address: str) -> Application:
        """`OAuthError` `invalid_client`, which reads the same for every reason."""
        if "client_secret" in parameters:
            raise invalid_client("There are no client secrets here: sign a client_assertion (RFC 7523).")
        if "client_assertion" in parameters or "client_assertion_type" in parameters:
            return await self._confidential(parameters, address)
        application = await self.known.in_force(parameters.get("client_id", ""))
        if application is None or not application.public:
            log.info("application not proven", address=address)
            raise invalid_client(
                "Send the client_id of a public application, or prove yourself with a client_assertion (RFC 7523)."
            )
        return application

    async def _confidential(self, parameters: Once, address: str) -> Application:
        if parameters.get("client_assertion_type") != ASSERTION_TYPE:
            raise invalid_client(f"The only client_assertion_type here is {ASSERTION_TYPE}.")
        try:
            assertion = self.desk.read(parameters.get("client_assertion", ""), parameters.get("client_id"))
            application = await self.known.in_force(assertion.client_id)
            if application is None or application.public:
                raise NotGenuine("no confidential application")
            self.desk.verify(assertion, application.keys)
        except NotGenuine as error:
            log.info("assertion refused", reason=str(error), address=address)
            raise invalid_client(NOT_ACCEPTED) from None
        self.desk.check(assertion, strict=application.strict)
        await self.desk.use_once(assertion, application.owner or "", address)
        return application
