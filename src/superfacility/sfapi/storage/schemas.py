"""Bodies of `/storage`."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from superfacility.http.times import Timestamp
from superfacility.services.files.storage import Transfer, TransferOrder, TransferState


class TransferStatus(StrEnum):
    OK = "OK"
    ERROR = "ERROR"


class GlobusTransferRequest(BaseModel):
    """A copy. A file's `target_dir` is its new name; of a folder, all that is in it is copied into `target_dir`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source_uuid": "dtn",
                    "target_uuid": "hpss",
                    "source_dir": "/project/m0001/scan",
                    "target_dir": "/m0001/scan",
                    "label": "night run",
                }
            ]
        }
    )

    source_uuid: str = Field(description="An endpoint: an alias (`dtn`, `perlmutter`, `hpss`) or its UUID.")
    target_uuid: str = Field(description="As `source_uuid`.")
    source_dir: str = Field(description="Absolute path of a file or folder.")
    target_dir: str = Field(description="Absolute path of the copy.")
    label: str = Field("", description="Your own words for it.")
    username: str = Field("", description="Ignored: a transfer is always made as you.")

    def order(self) -> TransferOrder:
        return TransferOrder(self.source_uuid, self.target_uuid, self.source_dir, self.target_dir, self.label)


class GlobusTransfer(BaseModel):
    """The transfer that was started, or the reason why none was."""

    transfer_id: str
    status: TransferStatus
    reason: str | None


class GlobusTransferResult(BaseModel):
    """How a transfer goes."""

    status: TransferStatus
    reason: str | None
    globus_status: TransferState
    bytes_transferred: int
    completion_time: Timestamp | None
    effective_bytes_per_second: int | None


def transfer_result(transfer: Transfer) -> GlobusTransferResult:
    return GlobusTransferResult(
        status=TransferStatus.OK,
        reason=transfer.reason,
        globus_status=transfer.state,
        bytes_transferred=transfer.bytes_transferred,
        completion_time=transfer.completed_at,
        effective_bytes_per_second=transfer.speed,
    )
