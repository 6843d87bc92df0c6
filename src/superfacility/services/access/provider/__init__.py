"""Login for applications: authorization, consent, devices, the exchange of what comes of it for tokens, and questions.

Not here: who a person is (`login`), and programs that act as their own user (`tokens`).
"""

from superfacility.services.access.provider.authorizations import Asked, AuthorizationService, GrantRules, Step
from superfacility.services.access.provider.devices import DeviceService, Waiting
from superfacility.services.access.provider.enquiries import EnquiryService
from superfacility.services.access.provider.exchange import ExchangeService
from superfacility.services.access.provider.issuing import TokenIssuer
from superfacility.services.access.provider.known import KnownApplications
from superfacility.services.access.provider.proving import ApplicationProofs
from superfacility.services.access.provider.service import ProviderService

__all__ = [
    "ApplicationProofs",
    "Asked",
    "AuthorizationService",
    "DeviceService",
    "EnquiryService",
    "ExchangeService",
    "GrantRules",
    "KnownApplications",
    "ProviderService",
    "Step",
    "TokenIssuer",
    "Waiting",
]
