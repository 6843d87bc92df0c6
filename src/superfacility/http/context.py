"""How a route gets at the use cases."""

from typing import Annotated

from fastapi import Depends, Request

from superfacility.services.services import Services


async def services(request: Request) -> Services:
    """What `app.create_app` was given. Async, as each dependency and route: others are run in a thread by FastAPI."""
    found: Services = request.app.state.services
    return found


UseCases = Annotated[Services, Depends(services)]
