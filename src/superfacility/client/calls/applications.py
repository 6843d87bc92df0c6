"""`/account/applications`: programs that people log in to, and what staff say of them."""

from superfacility.client.records.applications import Application
from superfacility.client.records.reading import rows
from superfacility.client.wire.session import Ask, Session, given, part

_PATH = "account/applications"


class ApplicationCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def applications(self) -> tuple[Application, ...]:
        """Those that you may change, newest first; staff see all."""
        return tuple(map(Application.of, rows(await self.session.json(Ask("GET", _PATH)))))

    async def application(self, application_id: str) -> Application:
        return Application.of(await self.session.json(Ask("GET", f"{_PATH}/{part(application_id)}")))

    async def approve_application(self, application_id: str, seen: str) -> Application:
        """For staff. `seen` is the fingerprint of what you have looked at: what was changed since is not approved."""
        return await self._decide(application_id, approve=True, seen=seen)

    async def refuse_application(self, application_id: str) -> Application:
        """For staff: nobody may log in to it; what it was allowed before rests."""
        return await self._decide(application_id, approve=False)

    async def revoke_application(self, application_id: str) -> Application:
        """For good, with everything that people have allowed it."""
        return Application.of(await self.session.json(Ask("DELETE", f"{_PATH}/{part(application_id)}")))

    async def _decide(self, application_id: str, *, approve: bool, seen: str | None = None) -> Application:
        ask = Ask("POST", f"{_PATH}/{part(application_id)}/approval", json={"approve": approve} | given(seen=seen))
        return Application.of(await self.session.json(ask))
