"""The use cases of clients, which operators need as well."""

from datetime import timedelta

from superfacility.bootstrap.stores import Stores
from superfacility.core.clock import Clock
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.clients import ClientRequests, ClientRules, ClientService, Collaborations, OwnClients
from superfacility.services.clients.rules import own_bounds, reviewed_bounds
from superfacility.services.clients.warnings import ExpiryWarnings
from superfacility.services.notices import Notices
from superfacility.settings import Settings


def open_client_service(settings: Settings, stores: Stores, clock: Clock) -> ClientService:
    return ClientService(stores.clients, stores.people, clock, lifetimes=_lifetimes(settings))


def open_collaborations(stores: Stores, clock: Clock) -> Collaborations:
    return Collaborations(stores.collaborations, stores.people, clock)


def open_own_clients(settings: Settings, stores: Stores, notices: Notices, clock: Clock) -> OwnClients:
    return OwnClients(stores.clients, open_collaborations(stores, clock), notices, clock, client_rules(settings))


def open_client_requests(settings: Settings, stores: Stores, notices: Notices, clock: Clock) -> ClientRequests:
    return ClientRequests(stores.client_requests, open_own_clients(settings, stores, notices, clock))


def open_expiry_warnings(settings: Settings, stores: Stores, notices: Notices, clock: Clock) -> ExpiryWarnings:
    periods = tuple(timedelta(hours=hours) for hours in settings.clients.warn_hours)
    return ExpiryWarnings(stores.client_warnings, open_collaborations(stores, clock), notices, clock, periods)


def client_rules(settings: Settings) -> ClientRules:
    chosen, reviewed = settings.clients, settings.clients.reviewed
    networks = {name: tuple(map(str, ranges)) for name, ranges in chosen.networks.items()}
    longest = {level: timedelta(days=getattr(reviewed, level.label)) for level in SecurityLevel}
    prefixes = {4: reviewed.ipv4_prefix, 6: reviewed.ipv6_prefix}
    return ClientRules(
        own=own_bounds(_lifetimes(settings), networks),
        reviewed=reviewed_bounds(longest, prefixes, reviewed.ranges, networks),
        networks=networks,
        per_user=chosen.per_user,
        own_requests=chosen.own_requests,
    )


def _lifetimes(settings: Settings) -> dict[SecurityLevel, timedelta]:
    return {SecurityLevel.from_label(label): lifetime for label, lifetime in settings.client_lifetimes.items()}
