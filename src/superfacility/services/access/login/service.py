"""All that our pages need to know who is at the browser."""

from dataclasses import dataclass

from superfacility.facility.errors import NotFound
from superfacility.services.access.login.accounts import AccountLogins
from superfacility.services.access.login.appearance import Appearance
from superfacility.services.access.login.credentials import Credentials
from superfacility.services.access.login.flows import Flows
from superfacility.services.access.login.providers import ProviderLogins
from superfacility.services.access.login.sessions import BrowserSessions


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """Accounts of our own."""

    logins: AccountLogins
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class LoginService:
    """`origins` are those that our own pages have; the first is the public one. Without `built_in` people log in at
    the facility's providers alone."""

    sessions: BrowserSessions
    appearance: Appearance
    origins: tuple[str, ...]
    flows: Flows
    providers: ProviderLogins
    built_in: BuiltIn | None = None

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https alone."""
        return self.origins[0].startswith("https://")

    @property
    def accounts(self) -> AccountLogins:
        return self._built_in.logins

    @property
    def credentials(self) -> Credentials:
        return self._built_in.credentials

    @property
    def _built_in(self) -> BuiltIn:
        if self.built_in is None:
            raise NotFound("This facility has no accounts with passwords: people log in at its identity provider.")
        return self.built_in
