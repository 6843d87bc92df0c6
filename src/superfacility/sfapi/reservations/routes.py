"""`/reservations`: set cores or nodes aside."""

from typing import Annotated

from fastapi import APIRouter, Path

from superfacility.facility.errors import Refused, Unsupported
from superfacility.http.bodies import form_body
from superfacility.http.context import UseCases
from superfacility.http.security import requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.reservations.schemas import ReservationForm, ReservationRecord, ReservationTask

router = APIRouter(prefix="/reservations", tags=["reservations"])

Reader = Annotated[Principal, requires(Scope.RESERVATIONS_READ)]
Writer = Annotated[Principal, requires(Scope.RESERVATIONS_WRITE)]
Machine = Annotated[str, Path(description="A system of `compute.targets`.", examples=["perlmutter"])]


@router.get("/{machine}", summary="The reservations of a system")
async def reservations(machine: Machine, _: Reader, use_cases: UseCases) -> list[ReservationRecord]:
    """Those that have not ended."""
    return [ReservationRecord.of(each) for each in await use_cases.reservations.reservations(machine)]


@router.post("/{machine}", summary="Create a reservation")
async def create_reservation(
    machine: Machine,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[ReservationForm, form_body(ReservationForm)],
) -> ReservationTask:
    """Answers at once with a task. Jobs use it with `#SBATCH --reservation=<name>`."""
    try:
        return ReservationTask.accepted(await use_cases.reservations.create(principal, machine, body.reservation()))
    except (Refused, Unsupported) as error:
        return ReservationTask.refused(error)


@router.get("/{machine}/{name}", summary="A reservation")
async def reservation(machine: Machine, name: str, _: Reader, use_cases: UseCases) -> ReservationRecord:
    """404 for one that has ended or never was."""
    return ReservationRecord.of(await use_cases.reservations.reservation(machine, name))


@router.delete("/{machine}/{name}", summary="Delete a reservation")
async def delete_reservation(machine: Machine, name: str, principal: Writer, use_cases: UseCases) -> ReservationTask:
    """Answers at once with a task. Running jobs go on."""
    try:
        return ReservationTask.accepted(await use_cases.reservations.delete(principal, machine, name))
    except (Refused, Unsupported) as error:
        return ReservationTask.refused(error)
