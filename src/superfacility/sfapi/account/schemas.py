"""Bodies of `/account`, and how they are made from the domain."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from superfacility.facility.people import Group, Membership, User
from superfacility.oauth.clients import Client
from superfacility.services.accounting.account import Balance, StorageUse

WITHOUT_LIMIT = 1_000_000_000.0
"""Hours given to a project without limit: programs subtract, so it must be a number."""


class UserInfo(BaseModel):
    """A person, or an account that programs act as."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "uid": 1001,
                    "name": "demo1",
                    "firstname": "Dana",
                    "lastname": "Demo",
                    "middlename": "",
                    "workphone": "",
                    "otherPhones": "",
                    "email": "demo1@example.org",
                }
            ]
        }
    )

    uid: int
    name: str
    firstname: str
    lastname: str
    middlename: str
    workphone: str
    otherPhones: str  # noqa: N815 - the name on the wire
    email: str

    @classmethod
    def of(cls, user: User) -> "UserInfo":
        return cls(
            uid=user.uid,
            name=user.name,
            firstname=user.first_name,
            lastname=user.last_name,
            middlename=user.middle_name,
            workphone=user.work_phone,
            otherPhones=user.other_phones,
            email=user.email,
        )


class RoleRecord(BaseModel):
    """Your role in a project."""

    id: int
    description: str
    repo_name: str
    iris_role: str | None = Field(description="`pi`, `pi_proxy`, `resource_manager`, `membership_manager` or `user`.")

    @classmethod
    def of(cls, membership: Membership) -> "RoleRecord":
        project = membership.project
        return cls(
            id=membership.id,
            description=project.description,
            repo_name=project.name,
            iris_role=membership.role.value,
        )


class StorageStats(BaseModel):
    """Storage given and used. Measured every now and then, not at each request."""

    name: str
    bytes_given: float | None
    bytes_used: float
    bytes_given_human: str | None
    bytes_used_human: str
    files_given: float | None
    files_used: float

    @classmethod
    def of(cls, use: StorageUse) -> "StorageStats":
        return cls(
            name=use.name,
            bytes_given=use.bytes_given,
            bytes_used=use.used.bytes_used,
            bytes_given_human=None if use.bytes_given is None else human(use.bytes_given),
            bytes_used_human=human(use.used.bytes_used),
            files_given=None,
            files_used=use.used.files_used,
        )


class ProjectStats(BaseModel):
    """A project of yours: hours are node hours of the allocation of now, CPU hours where no kind is named. Those with
    `project` are of all members together, the others yours: what you have used, and the most that you may."""

    id: int
    description: str
    repo_name: str
    iris_role: str | None
    hours_given: float
    hours_used: float
    project_hours_given: float
    project_hours_used: float
    cpu_hours_given: float
    cpu_hours_used: float
    cpu_project_hours_given: float
    cpu_project_hours_used: float
    gpu_hours_given: float
    gpu_hours_used: float
    gpu_project_hours_given: float
    gpu_project_hours_used: float
    projdir_usage: list[StorageStats]
    project_projdir_usage: StorageStats | None
    hpss_usage: list[StorageStats]

    @classmethod
    def of(cls, balance: Balance) -> "ProjectStats":
        project, cpu, gpu = balance.membership.project, balance.cpu, balance.gpu
        storage = [StorageStats.of(each) for each in balance.project_storage]
        return cls(
            id=project.id,
            description=project.description,
            repo_name=project.name,
            iris_role=balance.membership.role.value,
            hours_given=_given(cpu.own_given),
            hours_used=cpu.own_used,
            project_hours_given=_given(cpu.given),
            project_hours_used=cpu.used,
            cpu_hours_given=_given(cpu.own_given),
            cpu_hours_used=cpu.own_used,
            cpu_project_hours_given=_given(cpu.given),
            cpu_project_hours_used=cpu.used,
            gpu_hours_given=_given(gpu.own_given),
            gpu_hours_used=gpu.own_used,
            gpu_project_hours_given=_given(gpu.given),
            gpu_project_hours_used=gpu.used,
            projdir_usage=storage,
            project_projdir_usage=storage[0] if storage else None,
            hpss_usage=[StorageStats.of(each) for each in balance.archive_storage],
        )


class GroupMember(BaseModel):
    uid: int
    name: str


class GroupInfo(BaseModel):
    """A Unix group with its members."""

    gid: int
    name: str
    users: list[GroupMember]

    @classmethod
    def of(cls, group: Group) -> "GroupInfo":
        return cls(
            gid=group.gid, name=group.name, users=[GroupMember(uid=each.uid, name=each.name) for each in group.members]
        )


class GroupList(BaseModel):
    """Your groups."""

    groups: list[GroupInfo]


class GroupForm(BaseModel):
    """A group to create."""

    name: str = Field(description="At most 8 ASCII letters, digits, `_` and `-`.", examples=["g0001"])
    repo_name: str = Field(description="The project that the group belongs to.", examples=["m0001"])


class MemberAction(StrEnum):
    """What to do with the named users."""

    BATCH_ADD = "batch_add"
    BATCH_REMOVE = "batch_remove"


class MembersForm(BaseModel):
    """Members to add or to remove, all or none."""

    usernames: str = Field(description="User names, separated by commas.", examples=["demo1,demo2"])
    action: MemberAction

    def names(self) -> list[str]:
        return [each.strip() for each in self.usernames.split(",") if each.strip()]


class ClientRecord(BaseModel):
    """A registered program of yours."""

    name: str
    clientId: str  # noqa: N815 - the name on the wire
    expiresAt: str = Field(  # noqa: N815 - the name on the wire
        description="With microseconds and offset.", examples=["2026-05-31T09:30:00.000000+0000"]
    )
    comments: str | None

    @classmethod
    def of(cls, client: Client) -> "ClientRecord":
        return cls(
            name=client.name,
            clientId=client.id,
            expiresAt=client.expires_at.strftime("%Y-%m-%dT%H:%M:%S.%f%z"),
            comments=client.comments or f"{client.level.label} client",
        )


class ProjectJobs(BaseModel):
    """Rows of accounting; all values are strings."""

    status: str = Field(description="`OK` or `ERROR`.")
    output: list[dict[str, str]]
    error: str | None


PROJECT_JOBS = (b'{"status":"OK","output":', b',"error":null}')
"""What stands around the rows in `ProjectJobs`."""


def _given(hours: float | None) -> float:
    return WITHOUT_LIMIT if hours is None else hours


def human(size: float) -> str:
    """`1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} PiB"
