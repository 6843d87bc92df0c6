"""`/account/audit`: what was done, by whom, from where."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from superfacility.facility.audit import AuditEntry, AuditQuery
from superfacility.http.context import UseCases
from superfacility.http.security import requires
from superfacility.http.times import Timestamp
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope

router = APIRouter(prefix="/account/audit", tags=["account"])

Reader = Annotated[Principal, requires(Scope.ACCOUNT_READ)]
_TEXT = 200


class Search(BaseModel):
    """What is left out is not asked."""

    everybodys: bool = Field(False, description="Of everybody: for staff who have logged in.")
    actor: str | None = Field(None, max_length=_TEXT, description="User name, or operator:NAME; with `everybodys`.")
    action: str | None = Field(
        None, max_length=_TEXT, description="As `compute.submit`; `compute.*` for a group of them."
    )
    target: str | None = Field(None, max_length=_TEXT, description="What it was done to.")
    client: str | None = Field(None, max_length=_TEXT, description="Id of the client that was used.")
    address: str | None = Field(None, max_length=_TEXT, description="Where the request came from.")
    text: str | None = Field(None, max_length=_TEXT, description="Part of the target or of the details.")
    since: AwareDatetime | None = Field(None, description="With offset from UTC; the moment itself is in.")
    until: AwareDatetime | None = Field(None, description="The moment itself is out.")
    limit: int = Field(100, ge=1, le=1000, description="The newest so many.")

    def query(self) -> AuditQuery:
        return AuditQuery(
            self.actor,
            self.action,
            self.target,
            self.client,
            self.address,
            self.text,
            self.since,
            self.until,
            self.limit,
        )


class AuditRecord(BaseModel):
    """One thing that was done."""

    at: Timestamp
    actor: str = Field(description="User name; `operator:NAME` at the command line of the installation.")
    action: str
    target: str
    client: str | None = Field(description="The client or application that was used.")
    address: str | None
    detail: str

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditRecord":
        return cls(
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            target=entry.target,
            client=entry.client_id,
            address=entry.address,
            detail=entry.detail,
        )


@router.get("", summary="What you have done, or everybody")
async def search(principal: Reader, use_cases: UseCases, asked: Annotated[Search, Query()]) -> list[AuditRecord]:
    """Newest first: every change that was accepted, with the client and the address that it came from."""
    found = await use_cases.audit.search(principal, asked.query(), everybodys=asked.everybodys)
    return [AuditRecord.of(each) for each in found]
