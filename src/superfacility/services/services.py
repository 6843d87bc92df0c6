"""All use cases together: what routes and operator commands receive, built by `bootstrap`."""

from dataclasses import dataclass

from superfacility.services.access.applications import ApplicationService
from superfacility.services.access.grants import GrantService
from superfacility.services.access.login import LoginService
from superfacility.services.access.provider import ProviderService
from superfacility.services.access.tokens import TokenService
from superfacility.services.accounting.account import AccountService
from superfacility.services.accounting.allocations import AllocationService
from superfacility.services.accounting.charges import ChargeService
from superfacility.services.answers import AnswerService
from superfacility.services.audit import AuditReading
from superfacility.services.clients import ClientRequests, ClientService, Collaborations, OwnClients
from superfacility.services.compute.control import JobControl
from superfacility.services.compute.listings import JobListings
from superfacility.services.compute.output import JobOutputs
from superfacility.services.compute.requests import ComputeService
from superfacility.services.events.callbacks import CallbackService
from superfacility.services.events.streams import EventService
from superfacility.services.files import StorageService, UtilityService
from superfacility.services.membership.people import PeopleService
from superfacility.services.membership.projects import ProjectService
from superfacility.services.meta import MetaService
from superfacility.services.notices import Notices
from superfacility.services.reservations import ReservationService
from superfacility.services.status import StatusService, SystemSummaries
from superfacility.services.tasks import TaskService


@dataclass(frozen=True, slots=True)
class Services:
    """One of each."""

    account: AccountService
    allocations: AllocationService
    answers: AnswerService
    applications: ApplicationService
    audit: AuditReading
    callbacks: CallbackService
    charges: ChargeService
    client_requests: ClientRequests
    clients: ClientService
    collaborations: Collaborations
    compute: ComputeService
    control: JobControl
    events: EventService
    grants: GrantService
    jobs: JobListings
    login: LoginService
    meta: MetaService
    notices: Notices
    output: JobOutputs
    own_clients: OwnClients
    people: PeopleService
    projects: ProjectService
    provider: ProviderService
    reservations: ReservationService
    status: StatusService
    storage: StorageService
    summaries: SystemSummaries
    tasks: TaskService
    tokens: TokenService
    utilities: UtilityService
