"""All use cases together: what routes and operator commands receive, built by `bootstrap`."""

from dataclasses import dataclass

from superfacility.services.account import AccountService
from superfacility.services.charges import ChargeService
from superfacility.services.clients import ClientService
from superfacility.services.compute import ComputeService
from superfacility.services.meta import MetaService
from superfacility.services.people import PeopleService
from superfacility.services.reservations import ReservationService
from superfacility.services.status import StatusService
from superfacility.services.storage import StorageService
from superfacility.services.tasks import TaskService
from superfacility.services.tokens import TokenService
from superfacility.services.utilities import UtilityService


@dataclass(frozen=True, slots=True)
class Services:
    """One of each."""

    account: AccountService
    charges: ChargeService
    clients: ClientService
    compute: ComputeService
    meta: MetaService
    people: PeopleService
    reservations: ReservationService
    status: StatusService
    storage: StorageService
    tasks: TaskService
    tokens: TokenService
    utilities: UtilityService
