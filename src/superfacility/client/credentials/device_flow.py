"""Logging in from a terminal: a code that is typed into a page of the facility, on any device (RFC 8628)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from superfacility.client.errors import NotAuthenticated, NotPermitted, TimedOut, Unavailable
from superfacility.client.transport.messages import Transport
from superfacility.core.clock import Clock

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_USUAL_INTERVAL = 5.0
_SLOW_DOWN = 5.0
_LONGEST_INTERVAL = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class DeviceCode:
    """What a person types where; `complete_uri` has the code in it already."""

    user_code: str
    verification_uri: str
    complete_uri: str | None
    device_code: str
    expires_in: float
    interval: float

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "DeviceCode":
        return cls(
            user_code=str(answer["user_code"]),
            verification_uri=str(answer["verification_uri"]),
            complete_uri=answer.get("verification_uri_complete"),
            device_code=str(answer["device_code"]),
            expires_in=float(answer["expires_in"]),
            interval=float(answer.get("interval") or _USUAL_INTERVAL),
        )


class Answers(Protocol):
    """The token service, which says no in codes."""

    async def try_token(self, form: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
        """An error code and nothing, or no code and the answer."""


async def wait_for_login(
    code: DeviceCode,
    client_id: str,
    service: Answers,
    transport: Transport,
    clock: Clock,
    waiting: Callable[[], None] = lambda: None,
) -> Mapping[str, Any]:
    """Ask, not more often than the server wants, until the person has agreed, declined, or let the code end."""
    form = {"grant_type": GRANT, "device_code": code.device_code, "client_id": client_id}
    end, interval = clock.monotonic() + code.expires_in, code.interval
    while clock.monotonic() + interval < end:
        await transport.sleep(interval)
        waiting()
        try:
            error, answer = await service.try_token(form)
        except Unavailable:  # section 3.5: ask half as often when nothing comes
            interval = min(2 * interval, _LONGEST_INTERVAL)
            continue
        if not error:
            return answer
        if error == "slow_down":
            interval += _SLOW_DOWN
        elif error != "authorization_pending":
            raise _refusal(error, answer)
    raise TimedOut("Nobody entered the code in time. Log in again: sfapi login")


def _refusal(error: str, answer: Mapping[str, Any]) -> Exception:
    words = str(answer.get("error_description") or error)
    if error == "access_denied":
        return NotPermitted(f"The login was declined: {words}")
    if error == "expired_token":
        return TimedOut("The code has ended before anybody entered it. Log in again: sfapi login")
    return NotAuthenticated(f"The login failed: {words}")
