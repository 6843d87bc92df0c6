"""Identity providers by OpenID Connect: the relying party's side of the authorization code flow.

Not here: how they are reached (an `HttpExchange` is handed in), and who is a user of the facility.
"""

from superfacility.adapters.oidc.configuration import ProviderConfiguration
from superfacility.adapters.oidc.provider import OidcProvider

__all__ = ["OidcProvider", "ProviderConfiguration"]
