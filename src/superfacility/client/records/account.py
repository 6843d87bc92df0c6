"""People and projects, and what was done."""

from dataclasses import dataclass
from datetime import datetime

from superfacility.client.records.reading import Row, number, record, rows, text

NO_LIMIT = 1_000_000_000.0
"""Hours from which a project has as many as it likes."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person, or an account that programs act as."""

    uid: int
    name: str
    first_name: str
    last_name: str
    email: str

    @classmethod
    def of(cls, row: Row) -> "Account":
        return cls(int(row["uid"]), str(row["name"]), text(row, "firstname"), text(row, "lastname"), text(row, "email"))


@dataclass(frozen=True, slots=True)
class StorageUse:
    """Bytes given and used; `bytes_given` is None where there is no limit."""

    name: str
    bytes_used: float
    bytes_given: float | None

    @classmethod
    def of(cls, row: Row) -> "StorageUse":
        return cls(str(row["name"]), number(row, "bytes_used") or 0.0, number(row, "bytes_given"))


@dataclass(frozen=True, slots=True)
class Project:
    """A project of yours and its balance in node hours; `hours_given` is None where there is no limit."""

    name: str
    description: str
    role: str
    hours_given: float | None
    hours_used: float
    """By all members."""
    own_hours_used: float
    gpu_hours_given: float | None
    gpu_hours_used: float
    storage: tuple[StorageUse, ...]

    @classmethod
    def of(cls, row: Row) -> "Project":
        given = number(row, "project_hours_given") if "project_hours_given" in row else number(row, "hours_given")
        gpu_given = number(row, "gpu_project_hours_given") or 0.0
        storage = [*rows(row.get("projdir_usage")), *rows(row.get("hpss_usage"))]
        return cls(
            name=str(row["repo_name"]),
            description=text(row, "description"),
            role=text(row, "iris_role"),
            hours_given=None if given is None or given >= NO_LIMIT else given,
            hours_used=number(row, "project_hours_used") or 0.0,
            own_hours_used=number(row, "hours_used") or 0.0,
            gpu_hours_given=None if gpu_given >= NO_LIMIT else gpu_given,
            gpu_hours_used=number(row, "gpu_project_hours_used") or 0.0,
            storage=tuple(map(StorageUse.of, storage)),
        )

    @property
    def hours_left(self) -> float | None:
        return None if self.hours_given is None else self.hours_given - self.hours_used


@dataclass(frozen=True, slots=True)
class Group:
    """A Unix group and the names of its members."""

    gid: int
    name: str
    members: tuple[str, ...]

    @classmethod
    def of(cls, row: Row) -> "Group":
        return cls(int(row["gid"]), str(row["name"]), tuple(str(each["name"]) for each in rows(row.get("users"))))


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done: by whom, to what, with which client and from where."""

    at: datetime | None
    actor: str
    """A user name; `operator:NAME` at the command line of the installation."""
    action: str
    target: str
    client: str
    address: str
    detail: str

    @classmethod
    def of(cls, row: Row) -> "AuditEntry":
        return record(cls, row)
