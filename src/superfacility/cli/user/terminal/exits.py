"""Exit codes; scripts rely on them."""

from collections.abc import Mapping

OK = 0
FAILED = 1
USAGE = 2
NOT_ALLOWED = 3
NOT_FOUND = 4
UNAVAILABLE = 5
TIMED_OUT = 6
INTERRUPTED = 130

MEANINGS: Mapping[int, str] = {
    OK: "it was done",
    FAILED: "it could not be done, or the job failed; the message says why",
    USAGE: "the command line, or the configuration, is wrong",
    NOT_ALLOWED: "not logged in, or not allowed",
    NOT_FOUND: "no such job, file, task, system …",
    UNAVAILABLE: "the facility cannot be reached or is busy: the same command may work later",
    TIMED_OUT: "what was waited for has not come by `--timeout`; it may still come",
    INTERRUPTED: "interrupted by Ctrl-C",
}
