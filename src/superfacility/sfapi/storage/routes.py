"""`/storage`: transfers."""

from typing import Annotated

from fastapi import APIRouter, Request

from superfacility.facility.errors import InvalidInput, KeyReused, NotFound, NotPermitted, Refused, Unsupported
from superfacility.http.bodies import form_body
from superfacility.http.context import UseCases
from superfacility.http.idempotency import KeyHeader, idempotency
from superfacility.http.paths import shown
from superfacility.http.security import requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.storage.schemas import (
    GlobusTransfer,
    GlobusTransferRequest,
    GlobusTransferResult,
    TransferStatus,
    transfer_result,
)

router = APIRouter(prefix="/storage/globus/transfer", tags=["storage"])


@router.post("", summary="Start a transfer")
async def start_transfer(
    request: Request,
    use_cases: UseCases,
    principal: Annotated[Principal, requires(Scope.TRANSFERS_WRITE)],
    body: Annotated[GlobusTransferRequest, form_body(GlobusTransferRequest)],
    idempotency_key: KeyHeader = None,
) -> GlobusTransfer:
    """Copies a file, or a folder with all in it, between endpoints; every file is compared by SHA-256 afterwards.

    A source that is missing and an endpoint that does not exist answer `status: ERROR` with the reason.
    """
    key = idempotency(request, principal, body, idempotency_key)
    try:
        transfer_id = await use_cases.storage.start(principal, body.order(), key)
    except KeyReused:
        raise  # the table of errors answers, as on every other route
    except (Refused, NotFound, InvalidInput, NotPermitted, Unsupported) as error:
        return GlobusTransfer(transfer_id="", status=TransferStatus.ERROR, reason=shown(str(error)))
    return GlobusTransfer(transfer_id=str(transfer_id), status=TransferStatus.OK, reason=None)


@router.get("/{globus_uuid}", summary="Follow a transfer", responses={404: {"description": "No such transfer"}})
async def check_transfer(
    use_cases: UseCases,
    principal: Annotated[Principal, requires(Scope.TRANSFERS_READ)],
    globus_uuid: str,
) -> GlobusTransferResult:
    """`globus_status` goes from ACTIVE to SUCCEEDED, FAILED or CANCELED. Only your own transfers are shown."""
    return transfer_result(await use_cases.storage.transfer(principal, globus_uuid))
