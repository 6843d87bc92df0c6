"""What counts hours: charging, allocations, and the question before each submission."""

from dataclasses import dataclass

from superfacility.bootstrap.stores import Stores
from superfacility.core.clock import Clock
from superfacility.facility.accounting.allocations import WhenExhausted
from superfacility.facility.systems import Facility
from superfacility.services.accounting.allocations import AllocationService
from superfacility.services.accounting.budget import Budget
from superfacility.services.accounting.charges import ChargeService
from superfacility.services.accounting.watch import BudgetWatch
from superfacility.services.notices import Notices
from superfacility.settings import Settings


@dataclass(frozen=True, slots=True)
class Accounting:
    """The services of one installation."""

    charges: ChargeService
    allocations: AllocationService
    budget: Budget


def open_accounting(
    settings: Settings, stores: Stores, facility: Facility, notices: Notices, clock: Clock
) -> Accounting:
    people, rules = stores.people, settings.accounting
    watch = BudgetWatch(stores.allocations, people, notices, clock, rules.mail_at_percent)
    return Accounting(
        ChargeService(stores.ledger, people, facility, clock, events=stores.events, watch=watch),
        AllocationService(stores.allocations, stores.ledger, people, clock),
        Budget(stores.allocations, people, clock, WhenExhausted(rules.when_exhausted)),
    )
