"""All pages of logging in and out. The paths are from the root of the site."""

from fastapi import APIRouter

from superfacility.auth.login import account, entering, leaving, links, providers, second_factor

router = APIRouter()
for _pages in (entering, second_factor, links, providers, leaving, account):
    router.include_router(_pages.router)
