"""Telling people's own programs that a job has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side answered: a status from 100 to 599."""

    status: int
    retry_after: float | None = None
    """Seconds that it asked us to wait."""


class WebhookSender(Protocol):
    """Sends one request to an address that a person gave."""

    def check(self, url: str) -> None:
        """`InvalidInput` for what can never be sent to: another scheme, no host, credentials in it, a refused port."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """`NotPermitted` if the name resolves to an address that callbacks may not reach; `Unavailable` if nobody
        answers in time. Redirects are not followed."""

    async def aclose(self) -> None: ...


class MailSender(Protocol):
    """Sends one mail as the facility."""

    def check(self, recipient: str) -> None:
        """`InvalidInput` where no mail is ever sent."""

    async def send(self, recipient: str, subject: str, text: str) -> None:
        """`Unavailable` if the mail server does not take it now; `Refused` with its words if it never will."""
