"""Systems, filesystems and the places of transfers."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    Field,
    model_validator,
)

from superfacility.settings.values import AdapterSettings, Name, PathTemplate, Table


class NodeTypeSettings(Table):
    """How some nodes of a system are charged. A job runs on them if all that is given of `partitions`, `features` and
    `with_gpus` holds; the first type that fits counts."""

    partitions: tuple[str, ...] = Field((), description="The job's partition is one of these.", examples=[["gpu"]])
    features: tuple[str, ...] = Field((), description="The job's constraint names one of these.", examples=[["gpu"]])
    with_gpus: bool = Field(False, description="The job holds GPUs.")
    cores_per_node: int | None = Field(None, ge=1, description="Cores of one of these nodes. Unset: the system's.")
    gpus_per_node: int = Field(
        0, ge=0, description="GPUs of one of these nodes; a job is charged for its larger share."
    )
    factor: float = Field(1.0, ge=0, description="Multiplies the factors of system and QOS; 0: free.")
    hours: Literal["cpu", "gpu"] = Field("cpu", description="Which hours of a project are charged.")

    @model_validator(mode="after")
    def _is_a_condition(self) -> Self:
        if not (self.partitions or self.features or self.with_gpus):
            raise ValueError("a node type needs partitions, features or with_gpus, or it would be every job's")
        return self


class ChargingSettings(Table):
    """How jobs of a system are charged, in node hours."""

    cores_per_node: int | None = Field(
        None, ge=1, description="Cores of one node. Unset: what the machine that serves has.", examples=[128]
    )
    factor: float = Field(1.0, ge=0, description="Node hours charged for one hour of one node.")
    qos: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="Factors of qualities of service; those not named count 1; 0: free."
    )
    hours: Literal["cpu", "gpu"] = Field("cpu", description="Which hours of a project are charged.")
    gpus_per_node: int = Field(0, ge=0, description="GPUs of one node; a job is charged for its larger share.")
    node_types: dict[Name, NodeTypeSettings] = Field({}, description="Nodes that are charged in another way.")
    default_partition: str = Field("", description="Where jobs run that name no partition, for checks at submission.")
    default_qos: str = Field("", description="The QOS of jobs that name none, for the same.")


class ProbeSettings(Table):
    """How the state of a system is watched, and when a finding changes what the status shows."""

    enabled: bool = Field(True, description="Whether it is watched.")
    period_seconds: float = Field(30, ge=1, le=600, description="How often each probe looks.")
    time_limit_seconds: float = Field(10, gt=0, le=300, description="When a probe that does not end has failed.")
    slow_seconds: float = Field(5, gt=0, description="Answers that take longer mean `degraded`.")
    failures: int = Field(3, ge=1, le=100, description="Failures in a row that change the state.")
    successes: int = Field(2, ge=1, le=100, description="Successes in a row that change it back.")
    degraded_share: float = Field(0.1, gt=0, le=1, description="Share of nodes out of service that means `degraded`.")
    unavailable_share: float = Field(0.5, gt=0, le=1, description="Share of them that means `unavailable`.")
    account: str = Field("", description="Account that writes the probe files.")
    folders: dict[str, str] = Field(
        {}, description="Folder by filesystem, absolute, in which a small file is written to see that it can be."
    )
    resources: dict[str, str] = Field(
        {}, description="Resource by what is probed (`scheduler`, `nodes`, `login` or a filesystem). Unset: the system."
    )


class SystemSettings(Table):
    """A machine that people use."""

    full_name: str = Field(description="Name for people.")
    transport: AdapterSettings = Field(
        AdapterSettings(adapter="local"),
        description="How the system is reached. `local` is this machine under the server's own account.",
    )
    scheduler: AdapterSettings | None = Field(
        None,
        description="What manages its jobs. `embedded` comes along; unset for a system without batch jobs.",
        examples=[{"adapter": "embedded"}],
    )
    filesystems: tuple[str, ...] = Field((), description="Filesystems that are mounted there.")
    aliases: tuple[Name, ...] = Field((), description="Other names that callers may use for it.")
    refresh_seconds: float = Field(
        5.0, ge=0, le=3600, description="How old answers about jobs may be; the scheduler is asked no more often."
    )
    fresh_seconds: float = Field(
        1.0,
        ge=0,
        le=3600,
        description="How far apart readings begin that callers want fresh (`cached=false`), at least; whoever comes in "
        "between shares the next one. Where `refresh_seconds` is less, that counts.",
    )
    lost_after_seconds: float = Field(
        600,
        ge=0,
        description="A job that left the queue, and that the accounting does not know after that time, is called lost.",
    )
    associations: Literal["by_hand", "keep"] = Field(
        "by_hand",
        description="Whether the scheduler's own accounts (Slurm's associations) are kept in step with projects and "
        "members: by the operator's command alone, or also every ten minutes by themselves.",
    )
    charging: ChargingSettings = Field(ChargingSettings(), description="How its jobs are charged.")
    probes: ProbeSettings = Field(ProbeSettings(), description="How its state is watched.")


class FilesystemSettings(Table):
    """Where data lives."""

    kind: Literal["home", "scratch", "project", "archive"] = Field(description="What it is for.")
    path: PathTemplate = Field(
        description="Folder of one person or project, with {user}, {initial} (of the user) or {project} in it."
    )


class EndpointSettings(Table):
    """A place that data is transferred from or to."""

    system: str = Field(description="System through which its files are reached.")
    root: str | None = Field(
        None, description="Folder that its paths begin in. Unset: paths are the system's own.", examples=["archive"]
    )
    uuid: UUID | None = Field(
        None,
        description="Another name for it, as Globus collections have.",
        examples=["9d6d994a-6d04-11e5-ba46-22000b92c6ec"],
    )


class TransferSettings(Table):
    """Copies of data between places."""

    agent: AdapterSettings | None = Field(
        AdapterSettings(adapter="local"), description="What copies. `local` copies on this machine."
    )
    endpoints: dict[Name, EndpointSettings] = Field({}, description="Places by their alias.")
    clients_need_globus: bool = Field(
        False, description="Clients copy between endpoints only if they were made for it (`globus`)."
    )
