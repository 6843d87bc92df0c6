"""Where callbacks go: what is checked of an address when a job is submitted."""

import re
from urllib.parse import urlsplit

from superfacility.facility.deliveries import Channel
from superfacility.facility.errors import InvalidInput

LONGEST_URL = 2000
LONGEST_MAIL = 254
LONGEST_WAIT = 366 * 24 * 3600
"""Seconds of a `callbackTimeout` at most."""
_MAIL = re.compile(
    r"(?P<local>[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


def check_email(address: str) -> None:
    """`InvalidInput` for what is not one plain address: no name beside it, no list, nothing quoted."""
    match = _MAIL.fullmatch(address)
    if match is None or len(address) > LONGEST_MAIL or len(match["local"]) > 64:
        raise InvalidInput("callbackEmail is not a mail address: write one plain address such as ada@example.org.")


def check_length(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise InvalidInput(f"callbackUrl is longer than {LONGEST_URL:,} characters: use a shorter one.")


def check_wait(seconds: int) -> None:
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidInput(f"callbackTimeout is in seconds, from 0 (none) to {LONGEST_WAIT:,} (a year).")


def place_of(channel: Channel, target: str) -> str:
    """The host that shall not be asked too often at a time; all mail goes to one."""
    if channel is Channel.EMAIL:
        return "mail"
    return (urlsplit(target).hostname or "").rstrip(".")
