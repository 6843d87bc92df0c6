"""What is looked at on a system, which resource it speaks of, and what its failure means."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.inventory import Inventory
from superfacility.facility.people import User, UserName
from superfacility.facility.status import ResourceName
from superfacility.facility.systems import System
from superfacility.services.status.checks import (
    Check,
    Shares,
    folder_is_writable,
    login_answers,
    nodes_are_up,
    scheduler_answers,
)
from superfacility.services.status.view import StatusView

ReadInventory = Callable[[], Awaitable[Inventory]]


@dataclass(frozen=True, slots=True)
class ProbeRules:
    """How one system is probed. Times are in seconds.

    `folders` are written to as `account`, by the filesystem's name. `resources` says which resource a probe speaks of:
    by `scheduler`, `nodes`, `login` or a filesystem's name; for others it is found by its name.
    """

    period: float = 30.0
    time_limit: float = 10.0
    slow: float = 5.0
    failures: int = 3
    successes: int = 2
    shares: Shares = field(default_factory=Shares)
    account: str = ""
    folders: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)

    @property
    def patience(self) -> timedelta:
        """How long what was found counts."""
        return timedelta(seconds=3 * self.period + 2 * self.time_limit)


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to look at. It speaks of the first of `resources` that the board has.

    `trouble` is what it means when the check fails; None: a failed check says nothing. `slow` is what it means when the
    check took its time.
    """

    name: str
    resources: tuple[str, ...]
    check: Check
    rules: ProbeRules
    trouble: str | None
    slow: str | None = None

    def resource(self, view: StatusView) -> ResourceName | None:
        known = {each.name for each in view.resources}
        return next((ResourceName(each) for each in self.resources if each in known), None)


def probes_of(
    system: System, rules: ProbeRules, clock: Clock, read_inventory: ReadInventory | None = None
) -> Sequence[Probe]:
    """Those that make sense for a system. Nodes are counted in `read_inventory`, or by asking the scheduler."""
    found = [_login(system, rules), *(_folder(system, rules, *each) for each in rules.folders.items())]
    if system.scheduler is not None:
        read = read_inventory or system.scheduler.inventory
        nodes = nodes_are_up(read, rules.shares, clock, max_age=rules.patience)
        found.append(_scheduler(system, rules))
        found.append(Probe(f"{system.name}/nodes", _speaks_of(system, rules, "nodes"), nodes, rules, None))
    return found


def _speaks_of(system: System, rules: ProbeRules, what: str, *others: str) -> tuple[str, ...]:
    chosen = rules.resources.get(what)
    return (chosen,) if chosen else (*others, f"{system.name}-{what}", system.name)


def _login(system: System, rules: ProbeRules) -> Probe:
    return Probe(
        f"{system.name}/login",
        _speaks_of(system, rules, "login"),
        login_answers(system.transport),
        rules,
        "The login does not answer",
        "The login answers slowly",
    )


def _scheduler(system: System, rules: ProbeRules) -> Probe:
    assert system.scheduler is not None
    return Probe(
        f"{system.name}/scheduler",
        _speaks_of(system, rules, "scheduler"),
        scheduler_answers(system.scheduler),
        rules,
        "The batch scheduler does not answer",
        "The batch scheduler answers slowly",
    )


def _folder(system: System, rules: ProbeRules, filesystem: str, folder: str) -> Probe:
    return Probe(
        f"{system.name}/{filesystem}",
        _speaks_of(system, rules, filesystem, filesystem),
        folder_is_writable(system.transport, User(0, UserName(rules.account)), folder),
        rules,
        f"{filesystem} cannot be written",
        f"{filesystem} is slow",
    )
