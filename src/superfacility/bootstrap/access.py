"""Tokens, applications that people log in to, and what they are granted."""

from dataclasses import dataclass
from datetime import timedelta

from superfacility.bootstrap.stores import Stores
from superfacility.core.clock import Clock
from superfacility.facility.callbacks import MailSender
from superfacility.oauth.assertions import Profile
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.scopes import SecurityLevel
from superfacility.oauth.server_metadata import TOKEN_PATH
from superfacility.services.access.applications import ApplicationService
from superfacility.services.access.grants import GrantService
from superfacility.services.access.provider import (
    ApplicationProofs,
    AuthorizationService,
    DeviceService,
    EnquiryService,
    ExchangeService,
    GrantRules,
    KnownApplications,
    ProviderService,
    TokenIssuer,
)
from superfacility.services.access.provider.known import COMMAND_LINE, COMMAND_LINE_ID
from superfacility.services.access.tokens import TokenService
from superfacility.services.clients import Collaborations
from superfacility.services.notices import Notices
from superfacility.settings import BASE_PATH, Settings


@dataclass(frozen=True, slots=True)
class Access:
    """What of `Services` is made here."""

    tokens: TokenService
    provider: ProviderService
    grants: GrantService


def open_access(settings: Settings, stores: Stores, bound_url: str, clock: Clock) -> Access:
    known = _known(settings, stores)
    keys = SigningKeys.load(settings.path(settings.keys))
    tokens = _token_service(settings, stores, known, keys, bound_url, clock)
    return Access(tokens, _provider(settings, stores, known, keys, tokens, clock), GrantService(known, clock))


def open_grants(settings: Settings, stores: Stores, clock: Clock) -> GrantService:
    """Which operators need as well."""
    return GrantService(_known(settings, stores), clock)


def _known(settings: Settings, stores: Stores) -> KnownApplications:
    built_in = {COMMAND_LINE_ID: COMMAND_LINE} if settings.applications.command_line else {}
    return KnownApplications(stores.applications, stores.people, built_in)


def open_applications(settings: Settings, stores: Stores, mail: MailSender, clock: Clock) -> ApplicationService:
    """Which operators need as well."""
    notices = open_notices(settings, stores, mail)
    label = settings.applications.approval_above
    above = SecurityLevel.from_label(label) if label != "none" else None
    return ApplicationService(stores.applications, stores.people, notices, clock, above)


def open_notices(settings: Settings, stores: Stores, mail: MailSender) -> Notices:
    return Notices(mail, stores.people, settings.name)


def _token_service(
    settings: Settings, stores: Stores, known: KnownApplications, keys: SigningKeys, bound_url: str, clock: Clock
) -> TokenService:
    issuer = settings.public_url or bound_url
    own = [issuer + TOKEN_PATH]
    if settings.public_url is None:
        own.append(issuer.replace("//127.0.0.1:", "//localhost:") + TOKEN_PATH)
    networks = {
        SecurityLevel.from_label(label): tuple(map(str, ranges)) for label, ranges in settings.applications.networks
    }
    return TokenService(
        clients=stores.clients,
        assertions=stores.assertions,
        people=stores.users,
        keys=keys,
        issuer=issuer,
        audience=issuer + BASE_PATH,
        token_urls=(*own, *settings.tokens.additional_urls),
        profile=Profile(settings.tokens.profile),
        clock=clock,
        audit=stores.audit,
        grants=known,
        networks=networks,
        revoked=stores.revoked_tokens,
        managers=Collaborations(stores.collaborations, stores.people, clock),
    )


def _provider(
    settings: Settings,
    stores: Stores,
    known: KnownApplications,
    keys: SigningKeys,
    tokens: TokenService,
    clock: Clock,
) -> ProviderService:
    chosen, urls = settings.applications, tokens.urls
    rules = GrantRules({SecurityLevel.from_label(label): timedelta(hours=hours) for label, hours in chosen.hours})
    proofs, store, tickets = ApplicationProofs(known, tokens.desk), stores.applications, stores.tickets
    idle = timedelta(hours=chosen.idle_hours)
    issuer = TokenIssuer(known, stores.users, keys, urls, tokens.desk, clock, idle)
    return ProviderService(
        name=settings.name,
        keys=keys,
        known=known,
        proofs=proofs,
        authorizations=AuthorizationService(known, store, tickets, rules, urls.issuer, urls.audience, clock),
        exchange=ExchangeService(proofs, store, tickets, issuer, clock),
        devices=DeviceService(proofs, known, tickets, rules, urls, clock),
        enquiries=EnquiryService(proofs, store, tickets, tokens, stores.revoked_tokens, stores.people, clock),
    )
