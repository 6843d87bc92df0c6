"""Logins of people with a browser: sessions, built-in accounts, and the facility's identity providers."""

from superfacility.services.access.login.accounts import ACCOUNTS, AccountLogins
from superfacility.services.access.login.appearance import Appearance, Logo
from superfacility.services.access.login.credentials import Credentials, SetUp
from superfacility.services.access.login.errors import (
    BeginAgain,
    LinkSpent,
    LoginRefused,
    TooManyAttempts,
    WeakPassword,
)
from superfacility.services.access.login.flows import Flows, HalfWay
from superfacility.services.access.login.hashing import HashingDesk
from superfacility.services.access.login.mapping import ClaimMapping
from superfacility.services.access.login.notices import AccountNotices
from superfacility.services.access.login.providers import Provider, ProviderLogins
from superfacility.services.access.login.service import BuiltIn, LoginService
from superfacility.services.access.login.sessions import BrowserSessions, LoggedIn, SessionRules
from superfacility.services.access.login.throttle import Throttle

__all__ = [
    "ACCOUNTS",
    "AccountLogins",
    "AccountNotices",
    "Appearance",
    "BeginAgain",
    "BrowserSessions",
    "BuiltIn",
    "ClaimMapping",
    "Credentials",
    "Flows",
    "HalfWay",
    "HashingDesk",
    "LinkSpent",
    "LoggedIn",
    "LoginRefused",
    "LoginService",
    "Logo",
    "Provider",
    "ProviderLogins",
    "SessionRules",
    "SetUp",
    "Throttle",
    "TooManyAttempts",
    "WeakPassword",
]
