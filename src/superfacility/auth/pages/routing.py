"""Routes of pages: public, not part of the API's description, and with errors that people can read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from superfacility.auth.pages.problems import PageProblem
from superfacility.auth.pages.rendering import page
from superfacility.facility.errors import FacilityError, TooMany, Unavailable
from superfacility.http.errors import status_of
from superfacility.http.rates import rates_of
from superfacility.http.security import PUBLIC, caller_address

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_TITLES = {403: "You may not do that", 404: "Not found", 429: "Not so fast", 503: "Not now"}


class PageRoute(APIRoute):
    """Shows what goes wrong as a page."""

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()

        async def answer_as_page(request: Request) -> Response:
            try:
                rates_of(request.scope).stranger(caller_address(request))
                return await answer(request)
            except PageProblem as problem:
                return problem_page(request, problem)
            except FacilityError as error:
                status = status_of(error)
                wait = error.retry_after if isinstance(error, TooMany | Unavailable) else None
                title = _TITLES.get(status, "That did not work")
                return problem_page(request, PageProblem(title, str(error), status, retry_after=wait))

        return answer_as_page


def problem_page(request: Request, problem: PageProblem) -> Response:
    response = page(
        request, "problem.html", status=problem.status, title=problem.title, text=problem.text, again=problem.again
    )
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def page_router() -> APIRouter:
    return APIRouter(route_class=PageRoute, dependencies=[PUBLIC], include_in_schema=False)
