"""Calls without an event loop.

Every call of the client is written once, as a coroutine. Over the blocking transport nothing in it ever waits by
`await`, so it ends when it is started; what is here starts it, and gives it the type of a plain function.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar

from superfacility.client.wire.session import Session

if TYPE_CHECKING:
    from superfacility.client.calls.account import AccountCalls
    from superfacility.client.calls.accounting import AccountingCalls
    from superfacility.client.calls.applications import ApplicationCalls
    from superfacility.client.calls.clients import ClientCalls
    from superfacility.client.calls.files.calls import FileCalls
    from superfacility.client.calls.jobs import JobCalls
    from superfacility.client.calls.login import LoginCalls
    from superfacility.client.calls.output import OutputCalls
    from superfacility.client.calls.projects import ProjectCalls
    from superfacility.client.calls.status import StatusCalls
    from superfacility.client.calls.transfers import ReservationCalls, TransferCalls

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Calls:
    """The calls of a session by area, each loaded when it is needed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def status(self) -> "StatusCalls":
        from superfacility.client.calls.status import StatusCalls

        return StatusCalls(self._session)

    @cached_property
    def account(self) -> "AccountCalls":
        from superfacility.client.calls.account import AccountCalls

        return AccountCalls(self._session)

    @cached_property
    def accounting(self) -> "AccountingCalls":
        from superfacility.client.calls.accounting import AccountingCalls

        return AccountingCalls(self._session)

    @cached_property
    def applications(self) -> "ApplicationCalls":
        from superfacility.client.calls.applications import ApplicationCalls

        return ApplicationCalls(self._session)

    @cached_property
    def clients(self) -> "ClientCalls":
        from superfacility.client.calls.clients import ClientCalls

        return ClientCalls(self._session)

    @cached_property
    def projects(self) -> "ProjectCalls":
        from superfacility.client.calls.projects import ProjectCalls

        return ProjectCalls(self._session)

    @cached_property
    def jobs(self) -> "JobCalls":
        from superfacility.client.calls.jobs import JobCalls

        return JobCalls(self._session)

    @cached_property
    def output(self) -> "OutputCalls":
        from superfacility.client.calls.output import OutputCalls

        return OutputCalls(self._session)

    @cached_property
    def files(self) -> "FileCalls":
        from superfacility.client.calls.files.calls import FileCalls

        return FileCalls(self._session)

    @cached_property
    def transfers(self) -> "TransferCalls":
        from superfacility.client.calls.transfers import TransferCalls

        return TransferCalls(self._session)

    @cached_property
    def reservations(self) -> "ReservationCalls":
        from superfacility.client.calls.transfers import ReservationCalls

        return ReservationCalls(self._session)

    @cached_property
    def login(self) -> "LoginCalls":
        from superfacility.client.calls.login import LoginCalls

        return LoginCalls(self._session)


class HasCalls(Protocol):
    """What plain methods belong to."""

    calls: Calls


def completed(awaitable: Awaitable[Result]) -> Result:
    """The result of a coroutine that does not wait for an event loop."""
    coroutine = awaitable.__await__()
    try:
        next(coroutine)
    except StopIteration as done:
        result: Result = done.value
        return result
    raise RuntimeError("a call waited for an event loop: it was given a transport that needs one")


class plain(Generic[Given, Result]):  # noqa: N801 - a decorator's place
    """A method that is a call, found when it is asked for, without its `await`."""

    def __init__(self, find: Callable[[Calls], Callable[Given, Coroutine[Any, Any, Result]]]) -> None:
        self._find = find

    def __get__(self, owner: HasCalls, _: type[Any] | None = None) -> Callable[Given, Result]:
        call = self._find(owner.calls)

        def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            return completed(call(*args, **kwargs))

        functools.update_wrapper(called, call)
        return called


class plain_iterator(Generic[Given, Result]):  # noqa: N801 - a decorator's place
    """The same for calls that are iterated over."""

    def __init__(self, find: Callable[[Calls], Callable[Given, AsyncIterator[Result]]]) -> None:
        self._find = find

    def __get__(self, owner: HasCalls, _: type[Any] | None = None) -> Callable[Given, Iterator[Result]]:
        call = self._find(owner.calls)

        def called(*args: Given.args, **kwargs: Given.kwargs) -> Iterator[Result]:
            return _iterated(call(*args, **kwargs))

        functools.update_wrapper(called, call)
        return called


def _iterated(results: AsyncIterator[Result]) -> Iterator[Result]:
    try:
        while True:
            try:
                yield completed(results.__anext__())
            except StopAsyncIteration:
                return
    finally:
        close = getattr(results, "aclose", None)
        if close is not None:
            completed(close())
