"""All of it together, as routes receive it."""

from dataclasses import dataclass

from superfacility.oauth.keys import SigningKeys
from superfacility.services.access.provider.authorizations import AuthorizationService
from superfacility.services.access.provider.devices import DeviceService
from superfacility.services.access.provider.enquiries import EnquiryService
from superfacility.services.access.provider.exchange import ExchangeService
from superfacility.services.access.provider.known import KnownApplications
from superfacility.services.access.provider.proving import ApplicationProofs


@dataclass(frozen=True, slots=True)
class ProviderService:
    """`name` is the facility's."""

    name: str
    keys: SigningKeys
    known: KnownApplications
    proofs: ApplicationProofs
    authorizations: AuthorizationService
    exchange: ExchangeService
    devices: DeviceService
    enquiries: EnquiryService
