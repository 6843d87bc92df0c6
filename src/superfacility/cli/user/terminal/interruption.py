"""Ctrl-C while something goes on elsewhere: the first one leaves it there and says so, a second one cancels it."""

import time
from collections.abc import Callable

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.output import Output

_SECOND = 2.0
"""Seconds in which a second Ctrl-C means that what was left shall end."""


def detach(output: Output, goes_on: str, cancel: Callable[[], str] | None = None) -> int:
    """Say what goes on, and how to come back to it; the exit code returns."""
    output.note(f"\nDetached. {goes_on}")
    if cancel is None:
        return exits.INTERRUPTED
    try:
        output.note(f"Press Ctrl-C again within {_SECOND:.0f} seconds to cancel it.")
        time.sleep(_SECOND)
    except KeyboardInterrupt:
        output.note(cancel())
    return exits.INTERRUPTED
