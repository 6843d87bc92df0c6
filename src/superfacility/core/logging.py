"""JSON logs, one object a line on standard error, without secrets.

What looks like a token, an assertion or a private key is cut out of every value, whatever the key it is logged under.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from superfacility.core.log_budget import LogBudget

_SECRETS = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a JWT
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?<=client_assertion=)[^&\s]+"
    r"|whsec_[A-Za-z0-9+/=]+",  # what callbacks are signed with
    re.DOTALL,
)


def redact(text: str) -> str:
    """The text with tokens, assertions and private keys replaced by `[redacted]`."""
    return _SECRETS.sub("[redacted]", text)


def _redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event


def configure_logging(level: str = "info", lines_a_minute: int = 0) -> None:
    """Send structlog's and the standard library's records to standard error as JSON lines, as many of one kind a minute
    as one source may cause (0: any number)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    handler.addFilter(LogBudget(lines_a_minute))
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def log_budget() -> LogBudget | None:
    """What counts the lines of this process, once logging is configured."""
    filters = (each for handler in logging.getLogger().handlers for each in handler.filters)
    return next((each for each in filters if isinstance(each, LogBudget)), None)
