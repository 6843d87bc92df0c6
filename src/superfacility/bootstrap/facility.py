"""The systems of a facility with their adapters, found by entry points."""

import os
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from superfacility.facility.accounting.charges import HoursKind, NodeType, Rate
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import UserName
from superfacility.facility.site import Site
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System, SystemName
from superfacility.facility.transfers import Endpoint, TransferAgent
from superfacility.settings import AdapterSettings, ChargingSettings, Settings, SystemSettings


def find_adapter(kind: str, name: str) -> Callable[..., Any]:
    """The factory that is registered under `superfacility.<kind>` by that name."""
    found = entry_points(group=f"superfacility.{kind}")
    one = f"{kind[:-3]}y" if kind.endswith("ies") else kind[:-1]
    for entry in found:
        if entry.name == name:
            try:
                factory: Callable[..., Any] = entry.load()
            except (ImportError, AttributeError) as problem:
                raise InvalidInput(f"The {one} {name!r} ({entry.value}) cannot be loaded: {problem}") from problem
            return factory
    known = ", ".join(sorted(found.names)) or "none; is Superfacility installed?"
    raise InvalidInput(f"The configuration names {one} {name!r}; installed are: {known}.")


def open_facility(settings: Settings) -> Facility:
    """Open every system and the transfer agent."""
    systems = {name: _named_system(settings, name, table) for name, table in settings.systems.items()}
    endpoints: dict[str, Endpoint] = {}
    for alias, table in settings.transfers.endpoints.items():
        root = None if table.root is None else str(settings.path(table.root))
        endpoints[alias] = Endpoint(alias, systems[table.system].transport, root)
        if table.uuid is not None:
            endpoints[str(table.uuid)] = endpoints[alias]
    return Facility(
        name=settings.name,
        systems=systems,
        aliases={alias: name for name, table in settings.systems.items() for alias in table.aliases},
        endpoints=endpoints,
        transfer_agent=_open_transfer_agent(settings.transfers.agent),
    )


def _named_system(settings: Settings, name: str, table: SystemSettings) -> System:
    """A system; what is wrong with its options is told with its name, since others may have the same."""
    try:
        return _open_system(settings, name, table)
    except InvalidInput as problem:
        raise InvalidInput(f"systems.{name}: {problem}") from problem


def _open_system(settings: Settings, name: str, table: SystemSettings) -> System:
    filesystems = tuple(
        Filesystem(
            each, FilesystemKind(settings.filesystems[each].kind), settings.template(settings.filesystems[each].path)
        )
        for each in table.filesystems
    )
    site = _site(settings, name, filesystems)
    transport = find_adapter("transports", table.transport.adapter)(site, table.transport.options)
    scheduler = None
    if table.scheduler is not None:
        scheduler = find_adapter("schedulers", table.scheduler.adapter)(site, table.scheduler.options, transport)
    return System(
        name=SystemName(name),
        full_name=table.full_name,
        transport=transport,
        filesystems=filesystems,
        scheduler=scheduler,
        rate=_rate(table.charging),
    )


def _rate(table: ChargingSettings) -> Rate:
    cores = table.cores_per_node or os.cpu_count() or 1
    return Rate(
        cores,
        table.factor,
        dict(table.qos),
        table.gpus_per_node,
        HoursKind(table.hours),
        tuple(
            NodeType(
                name,
                each.cores_per_node or cores,
                each.gpus_per_node,
                each.factor,
                HoursKind(each.hours),
                frozenset(each.partitions),
                frozenset(each.features),
                each.with_gpus,
            )
            for name, each in table.node_types.items()
        ),
        table.default_partition,
        table.default_qos,
    )


def _site(settings: Settings, name: str, filesystems: tuple[Filesystem, ...]) -> Site:
    state = settings.path(settings.state) / name
    state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # `mode` does not count for parents
    state.mkdir(mode=0o700, exist_ok=True)
    (state / "bin").mkdir(mode=0o700, exist_ok=True)
    homes = next((each for each in filesystems if each.kind is FilesystemKind.HOME), None)

    def home(user: UserName) -> str:
        if homes is None:
            raise InvalidInput(f"{name} has no home filesystem; the operator must add one to its `filesystems`.")
        return homes.path(user=user)

    return Site(name, home, tuple(each.root for each in filesystems), state, state / "bin")


def _open_transfer_agent(table: AdapterSettings | None) -> TransferAgent | None:
    if table is None:
        return None
    agent: TransferAgent = find_adapter("transfer_agents", table.adapter)(table.options)
    return agent
