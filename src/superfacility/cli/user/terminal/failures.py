"""What a person reads when something fails: what happened, who must act, the next command, the request's id."""

import json
import os
import sys
from collections.abc import Callable

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call
from superfacility.client.errors import (
    ConfigurationError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    SuperfacilityError,
    TimedOut,
    Unavailable,
)

_CODES: list[tuple[type[SuperfacilityError], int, str]] = [
    (ConfigurationError, exits.USAGE, "configuration"),
    (InvalidRequest, exits.USAGE, "invalid_request"),
    (NotAuthenticated, exits.NOT_ALLOWED, "not_authenticated"),
    (NotPermitted, exits.NOT_ALLOWED, "not_permitted"),
    (NotFound, exits.NOT_FOUND, "not_found"),
    (Unavailable, exits.UNAVAILABLE, "unavailable"),
    (TimedOut, exits.TIMED_OUT, "timed_out"),
    (SuperfacilityError, exits.FAILED, "failed"),
]


def guarded(call: Call, run: Callable[[Call], int]) -> int:
    """Run it; whatever goes wrong becomes words and an exit code."""
    try:
        code = run(call)
        sys.stdout.flush()
    except SuperfacilityError as problem:
        return tell(call, problem)
    except KeyboardInterrupt:
        call.output.note("Interrupted.")
        return exits.INTERRUPTED
    except BrokenPipeError:  # whoever reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FAILED
    except OSError as problem:
        if problem.filename is None:
            raise
        return tell(call, SuperfacilityError(f"{problem.filename}: {problem.strerror}"))
    else:
        return code
    finally:
        call.close()


def tell(call: Call, problem: SuperfacilityError) -> int:
    """Say it on standard error; the exit code returns."""
    code, kind = next((code, kind) for each, code, kind in _CODES if isinstance(problem, each))
    words, advice = str(problem).rstrip(), next_step(problem)
    if call.output.as_json:
        error = {"kind": kind, "message": words, "next": advice or None, "request_id": problem.request_id}
        call.output.note(json.dumps({"error": {**error, "exit_code": code}}))
        return code
    call.output.note(f"sfapi: {words}")
    if advice:
        call.output.note(advice)
    if problem.request_id:
        call.output.note(f"Request {problem.request_id}")
    return code


def next_step(problem: SuperfacilityError) -> str:
    """The next command, where the message does not name one."""
    words = str(problem)
    if "sfapi " in words or "chmod" in words:
        return ""
    if isinstance(problem, NotAuthenticated):
        return "Log in: sfapi login   Or find out what is wrong: sfapi doctor"
    if isinstance(problem, NotPermitted):
        return "See what you may do: sfapi whoami   Your clients: sfapi clients"
    if isinstance(problem, Unavailable):
        return "It is safe to try again. Is an outage planned? sfapi outages"
    if problem.status is not None and problem.status >= 500:
        return "The facility's staff must act: tell them the number of the request."
    return ""
