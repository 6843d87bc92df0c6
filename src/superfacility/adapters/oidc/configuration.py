"""What the facility has agreed with a provider."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProviderConfiguration:
    """`secret` and `private_key` (PEM) are read when they are needed, so that they can be changed; one is there.

    `secret_in_form` says how the secret is sent; None: in the Authorization header if the provider takes that.
    `wanted` are the claims without which an identity says too little: the provider's userinfo is asked for them.
    """

    issuer: str
    client_id: str
    secret: Callable[[], bytes] | None = field(default=None, repr=False)
    private_key: Callable[[], bytes] | None = field(default=None, repr=False)
    secret_in_form: bool | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    algorithms: frozenset[str] = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
    wanted: tuple[str, ...] = ("preferred_username",)
    required_acr: tuple[str, ...] = ()
    required_amr: tuple[str, ...] = ()
