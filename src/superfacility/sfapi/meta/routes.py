"""`/meta`: changelog and configuration."""

from fastapi import APIRouter

from superfacility.http.context import UseCases
from superfacility.http.security import PUBLIC
from superfacility.sfapi.meta.schemas import ChangelogEntry, ConfigurationEntry

router = APIRouter(prefix="/meta", tags=["meta"], dependencies=[PUBLIC])


@router.get("/changelog", summary="What changed in the service")
async def changelog(use_cases: UseCases) -> list[ChangelogEntry]:
    """Newest first."""
    return [ChangelogEntry.of(each) for each in use_cases.meta.changelog]


@router.get("/config", summary="Facts about this installation")
async def config(use_cases: UseCases) -> list[ConfigurationEntry]:
    """Among them `compute.targets`: the machines, separated by commas."""
    return [ConfigurationEntry(key=key, value=value) for key, value in use_cases.meta.config.items()]
