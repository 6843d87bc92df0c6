"""How a route gets at the use cases."""

from typing import Annotated

from fastapi import Depends, Request

from superfacility.services.services import Services


def services(request: Request) -> Services:
    """What `app.create_app` was given."""
    found: Services = request.app.state.services
    return found


UseCases = Annotated[Services, Depends(services)]
