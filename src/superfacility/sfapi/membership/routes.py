"""Projects from inside: all routes of this package."""

from fastapi import APIRouter

from superfacility.sfapi.membership import invitations, joining, members

router = APIRouter()
for each in (members, invitations, joining):
    router.include_router(each.router)
