"""Requests for authorization (RFC 6749 section 4.1.1, RFC 9700, OpenID Connect Core section 3.1.2.1).

They are read in two steps. Until the application and the redirect URI are certain, whatever is wrong is told to the
person at the browser and leads nowhere; from then on it is told to the application.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from superfacility.oauth.applications import IDENTITY, Application
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.provider.redirects import matches
from superfacility.oauth.provider.secrets import is_challenge
from superfacility.oauth.scopes import SCOPE_NAMES, Scope

PUSHED_PREFIX = "urn:ietf:params:oauth:request_uri:"
MAX_TEXT = 2000
"""Characters of `state` and `nonce`, which we carry along."""
PROMPTS = frozenset({"none", "login", "consent", "select_account"})

_UNSUPPORTED = {
    "request": ("request_not_supported", "request objects"),
    "request_uri": ("request_uri_not_supported", "requests by reference, but those pushed to us (RFC 9126)"),
    "registration": ("registration_not_supported", "registration with a request"),
}

Parameters = Mapping[str, Sequence[str]]


class NoWayBack(Exception):
    """Wrong in a way that must not lead anybody anywhere; the text is for the person at the browser."""


class SentBack(Exception):
    """Wrong in a way that the application is told of."""

    def __init__(self, target: "Target", error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.target = target
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer goes, whatever it is. `state` comes back as it came."""

    application: Application
    redirect_uri: str
    state: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A well-formed request. `identity` are OpenID's scopes, `after` is a time that the login must not precede."""

    target: Target
    scopes: frozenset[Scope]
    identity: frozenset[str]
    challenge: str
    nonce: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    key_thumbprint: str | None = None
    after: int | None = None

    @property
    def application(self) -> Application:
        return self.target.application


def read_target(parameters: Parameters, application: Application | None) -> Target:
    """`application` is the one that `client_id` names, in force."""
    if application is None:
        raise NoWayBack(
            "The application that sent you here is not known, or nobody may log in to it now. "
            "Tell the people who run it."
        )
    uris = parameters.get("redirect_uri", ())
    if len(uris) != 1 or not any(matches(each, uris[0]) for each in application.redirect_uris):
        raise NoWayBack(
            f"The application {application.name} asked to send you on to an address that is not registered for it. "
            "Nothing was sent there. Tell the people who run it: redirect_uri must be exactly one of those registered."
        )
    states = parameters.get("state", ())
    if len(states) > 1 or any(len(each) > MAX_TEXT for each in states):
        target = Target(application, uris[0])
        raise SentBack(target, "invalid_request", f"state comes at most once, with at most {MAX_TEXT} characters.")
    return Target(application, uris[0], states[0] if states else None)


def read_request(parameters: Parameters, target: Target, audience: str, *, pushed: bool) -> AuthorizationRequest:
    """`SentBack` for all that is wrong."""
    try:
        return _request(_once(parameters), target, audience, pushed=pushed)
    except OAuthError as error:
        raise SentBack(target, error.error, error.description) from None


def _request(once: Mapping[str, str], target: Target, audience: str, *, pushed: bool) -> AuthorizationRequest:
    for name, (error, what) in _UNSUPPORTED.items():
        if name in once:
            raise OAuthError(error, f"There are no {what} here.")
    if target.application.strict and not pushed:
        raise _invalid("This application pushes its requests first (RFC 9126): send request_uri.")
    _check_response(once)
    check_resource(once.get("resource"), audience)
    scopes, identity = read_scopes(once.get("scope", ""), target.application)
    return AuthorizationRequest(
        target,
        scopes,
        identity,
        _challenge(once),
        nonce=_bounded(once, "nonce"),
        prompt=_prompt(once.get("prompt", "")),
        max_age=_seconds(once, "max_age"),
        key_thumbprint=_thumbprint(once.get("dpop_jkt")),
        after=_seconds(once, "login_after"),
    )


def read_scopes(text: str, application: Application) -> tuple[frozenset[Scope], frozenset[str]]:
    """What is asked for, of the API and of OpenID. `OAuthError` for more than the application may ask for."""
    wanted = text.split()
    unknown = [name for name in wanted if name not in SCOPE_NAMES and name not in IDENTITY]
    if unknown:
        raise OAuthError("invalid_scope", "The scope names one that does not exist here.")
    scopes = frozenset(SCOPE_NAMES[name] for name in wanted if name in SCOPE_NAMES)
    identity = frozenset(name for name in wanted if name in IDENTITY)
    if not scopes and not identity - {"offline_access"}:
        raise OAuthError("invalid_scope", "Name the scopes that you need, separated by blanks.")
    if identity & {"profile", "email"} and "openid" not in identity:
        raise OAuthError("invalid_scope", "profile and email go with openid.")
    if not scopes <= application.scopes:
        missing = " ".join(sorted(scope.value for scope in scopes - application.scopes))
        raise OAuthError("invalid_scope", f"This application ({application.level.label}) was not given: {missing}.")
    return scopes, identity


def check_resource(resource: str | None, audience: str) -> None:
    """RFC 8707: all our tokens are for the one API."""
    if resource is not None and resource.rstrip("/") != audience:
        raise OAuthError("invalid_target", f"The only resource here is {audience}.")


def _once(parameters: Parameters) -> dict[str, str]:
    """RFC 6749 section 3.1: each at most once, and one without a value counts as left out."""
    if any(len(values) != 1 for values in parameters.values()):
        raise _invalid("A parameter came more than once.")
    return {name: values[0] for name, values in parameters.items() if values[0]}


def _check_response(once: Mapping[str, str]) -> None:
    kind = once.get("response_type")
    if kind is None:
        raise _invalid("response_type is missing: send code.")
    if kind != "code":
        raise OAuthError("unsupported_response_type", "The only response_type here is code.")
    if once.get("response_mode", "query") != "query":
        raise _invalid("The only response_mode here is query.")


def _challenge(once: Mapping[str, str]) -> str:
    challenge = once.get("code_challenge", "")
    if once.get("code_challenge_method") != "S256" or not is_challenge(challenge):
        raise _invalid("Send a code_challenge with code_challenge_method S256 (RFC 7636): both are required.")
    return challenge


def _prompt(text: str) -> frozenset[str]:
    found = frozenset(text.split())
    if not found <= PROMPTS or ("none" in found and len(found) > 1):
        raise _invalid("prompt is none alone, or of login, consent, select_account.")
    return found


def _seconds(once: Mapping[str, str], name: str) -> int | None:
    text = once.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise _invalid(f"{name} is a number of seconds.")
    return int(text)


def _bounded(once: Mapping[str, str], name: str) -> str | None:
    text = once.get(name)
    if text is not None and len(text) > MAX_TEXT:
        raise _invalid(f"{name} has at most {MAX_TEXT} characters.")
    return text


def _thumbprint(text: str | None) -> str | None:
    if text is not None and not is_challenge(text):  # also a SHA-256 in base64url
        raise _invalid("dpop_jkt is the thumbprint of a key (RFC 7638) by SHA-256.")
    return text


def _invalid(description: str) -> OAuthError:
    return OAuthError("invalid_request", description)
