"""Logins of people with a browser."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from superfacility.adapters.oidc import OidcProvider, ProviderConfiguration
from superfacility.adapters.web import GuardedExchange
from superfacility.bootstrap.stores import LOGIN_KEY, Stores
from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import ProjectName
from superfacility.facility.secret_files import own_key, read_secret
from superfacility.oauth.identity.passwords import HashCost, PasswordHashes
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.access.grants import GrantService
from superfacility.services.access.login import (
    AccountLogins,
    AccountNotices,
    Appearance,
    BrowserSessions,
    BuiltIn,
    ClaimMapping,
    Credentials,
    Flows,
    HashingDesk,
    LoginService,
    Logo,
    Provider,
    ProviderLogins,
    SessionRules,
    Throttle,
)
from superfacility.services.notices import Notices
from superfacility.settings import ProviderSettings, Settings

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
_LARGEST_LOGO = 256 * 1024


def open_login(
    settings: Settings, stores: Stores, bound_url: str, clock: Clock, grants: GrantService, notices: Notices
) -> LoginService:
    origins = page_origins(settings, bound_url)
    sealer = open_sealing(settings)
    chosen = settings.login
    rules = SessionRules(timedelta(minutes=chosen.idle_minutes), timedelta(hours=chosen.session_hours))
    return LoginService(
        sessions=BrowserSessions(
            stores.login_sessions,
            stores.users,
            clock,
            rules,
            ended=(grants.end_session,),
            ended_all=(grants.end_all,),
        ),
        appearance=_appearance(settings),
        origins=origins,
        flows=Flows(sealer, clock),
        providers=_providers(settings, stores, origins[0], clock),
        built_in=_built_in(settings, stores, sealer, clock, notices) if chosen.has_accounts else None,
    )


def open_sealing(settings: Settings) -> Sealer:
    return Sealer(own_key(settings.path(settings.keys) / LOGIN_KEY))


def page_origins(settings: Settings, bound_url: str) -> tuple[str, ...]:
    """Where browsers find our pages; on this machine alone, by either name of it."""
    if settings.public_url is not None:
        return (settings.public_url,)
    return bound_url, bound_url.replace("//127.0.0.1:", "//localhost:")


def _built_in(settings: Settings, stores: Stores, sealer: Sealer, clock: Clock, notices: Notices) -> BuiltIn:
    hashing = HashingDesk(PasswordHashes(_cost(settings)), at_once=settings.login.hashes_at_once)
    throttle = Throttle(stores.attempts, sealer, clock)
    required = settings.login.second_factor == "required"
    return BuiltIn(
        AccountLogins(
            stores.accounts,
            stores.people,
            throttle,
            hashing,
            sealer,
            clock,
            AccountNotices(notices, clock),
            required=required,
        ),
        open_credentials(settings, stores, clock, notices, hashing),
    )


def open_credentials(
    settings: Settings, stores: Stores, clock: Clock, notices: Notices, hashing: HashingDesk | None = None
) -> Credentials:
    """Which operators need as well."""
    desk = hashing or HashingDesk(PasswordHashes(_cost(settings)))
    return Credentials(
        stores.accounts,
        stores.people,
        desk,
        open_sealing(settings),
        clock,
        settings.name,
        AccountNotices(notices, clock),
    )


def _cost(settings: Settings) -> HashCost:
    chosen = settings.login
    return HashCost(chosen.hash_memory_mib * 1024, chosen.hash_iterations, chosen.hash_parallelism)


def _appearance(settings: Settings) -> Appearance:
    chosen = settings.appearance
    logo = None if chosen.logo is None else _logo(settings.path(chosen.logo))
    return Appearance(chosen.name or settings.name, chosen.colour, logo, chosen.support)


def _logo(path: Path) -> Logo:
    media_type = _PICTURES.get(path.suffix.lower())
    if media_type is None:
        raise InvalidInput(f"appearance.logo: {path} is no picture: use one of {', '.join(_PICTURES)}.")
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InvalidInput(f"appearance.logo: {path} cannot be read: {problem.strerror}.") from problem
    if len(content) > _LARGEST_LOGO:
        raise InvalidInput(f"appearance.logo: {path} is larger than 256 KiB: make it smaller.")
    return Logo(content, media_type)


def _providers(settings: Settings, stores: Stores, origin: str, clock: Clock) -> ProviderLogins:
    chosen = settings.login.providers
    local = any(system.transport.adapter == "local" for system in settings.systems.values())
    for name, provider in chosen.items():
        if provider.create_users and local and not settings.shared_account:
            raise InvalidInput(
                f"login.providers.{name}.create_users: new users would share the server's own account with everybody. "
                "Take it out, or accept that with shared_account = true."
            )
    opened = {name: _provider(settings, name, each, clock) for name, each in chosen.items()}
    return ProviderLogins(opened, stores.identities, stores.people, clock, origin)


def _provider(settings: Settings, name: str, chosen: ProviderSettings, clock: Clock) -> Provider:
    mapping = ClaimMapping(
        user=chosen.user_claim,
        user_suffix=chosen.user_suffix,
        groups=chosen.groups_claim,
        staff_groups=frozenset(chosen.staff_groups),
        projects={group: ProjectName(project) for group, project in chosen.projects.items()},
        create_users=chosen.create_users,
    )
    configuration = ProviderConfiguration(
        issuer=chosen.issuer,
        client_id=chosen.client_id,
        secret=_secret(settings, chosen.client_secret_file, f"login.providers.{name}.client_secret_file"),
        private_key=_secret(settings, chosen.private_key_file, f"login.providers.{name}.private_key_file"),
        secret_in_form=chosen.client_secret_in_form,
        scopes=chosen.scopes,
        algorithms=frozenset(chosen.algorithms),
        wanted=mapping.wanted,
        required_acr=chosen.required_acr,
        required_amr=chosen.required_amr,
    )
    http = GuardedExchange(chosen.issuer, allow=chosen.allow)
    return Provider(chosen.title, OidcProvider(configuration, http, clock), mapping)


def _secret(settings: Settings, path: Path | None, setting: str) -> "partial[bytes] | None":
    return None if path is None else partial(read_secret, settings.path(path), setting)
