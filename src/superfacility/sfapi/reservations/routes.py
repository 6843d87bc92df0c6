"""`/reservations`: set cores or nodes aside."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from superfacility.facility.errors import Refused, Unsupported
from superfacility.http.bodies import form_body
from superfacility.http.context import UseCases
from superfacility.http.idempotency import KeyHeader, idempotency
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.http.times import age_headers
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.reservations.schemas import (
    ReservationChangeForm,
    ReservationForm,
    ReservationRecord,
    ReservationTask,
)

router = APIRouter(prefix="/reservations", tags=["reservations"])

Reader = Annotated[Principal, requires(Scope.RESERVATIONS_READ)]
Writer = Annotated[Principal, requires(Scope.RESERVATIONS_WRITE)]
Machine = Annotated[str, Path(description="A system of `compute.targets`.", examples=["perlmutter"])]


@router.get("/{machine}", summary="The reservations of a system")
async def reservations(machine: Machine, _: Reader, use_cases: UseCases, response: Response) -> list[ReservationRecord]:
    """Those that have not ended. While the scheduler is away, those of the last reading: `X-Data-As-Of` says when."""
    read = await use_cases.reservations.reservations(machine)
    response.headers.update(age_headers(read.as_of))
    return [ReservationRecord.of(each) for each in read.known]


@router.post("/{machine}", summary="Create a reservation")
async def create_reservation(
    request: Request,
    machine: Machine,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[ReservationForm, form_body(ReservationForm)],
    idempotency_key: KeyHeader = None,
) -> ReservationTask:
    """Answers at once with a task. Jobs use it with `#SBATCH --reservation=<name>`."""
    key = idempotency(request, principal, body, idempotency_key)
    try:
        task = await use_cases.reservations.create(principal, machine, body.reservation(), key)
    except (Refused, Unsupported) as error:
        return ReservationTask.refused(error)
    return ReservationTask.accepted(task)


@router.get("/{machine}/{name}", summary="A reservation")
async def reservation(
    machine: Machine, name: str, _: Reader, use_cases: UseCases, response: Response
) -> ReservationRecord:
    """404 for one that has ended or never was."""
    read = await use_cases.reservations.reservation(machine, name)
    response.headers.update(age_headers(read.as_of))
    return ReservationRecord.of(read.known[0])


@router.post("/{machine}/{name}", summary="Change a reservation")
async def change_reservation(
    request: Request,
    machine: Machine,
    name: str,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[ReservationChangeForm, strict_body(ReservationChangeForm)],
    idempotency_key: KeyHeader = None,
) -> ReservationTask:
    """Answers at once with a task. What is left out stays as it is."""
    key = idempotency(request, principal, body, idempotency_key)
    try:
        task = await use_cases.reservations.update(principal, machine, name, body.change(), key)
    except (Refused, Unsupported) as error:
        return ReservationTask.refused(error)
    return ReservationTask.accepted(task)


@router.delete("/{machine}/{name}", summary="Delete a reservation")
async def delete_reservation(machine: Machine, name: str, principal: Writer, use_cases: UseCases) -> ReservationTask:
    """Answers at once with a task. Running jobs go on."""
    try:
        return ReservationTask.accepted(await use_cases.reservations.delete(principal, machine, name))
    except (Refused, Unsupported) as error:
        return ReservationTask.refused(error)
