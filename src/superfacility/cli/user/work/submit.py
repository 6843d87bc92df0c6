"""`sfapi submit`: a batch script as it is; its text, or one that lies on the system."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.interruption import detach
from superfacility.cli.user.terminal.output import short_time
from superfacility.cli.user.terminal.parsing import Parser, system_option, timeout_option
from superfacility.cli.user.terminal.words import last_seen, plain_reason
from superfacility.client.errors import ConfigurationError
from superfacility.client.records.jobs import Job, Jobs

_SIGNALLED = 128


@dataclass(frozen=True, slots=True)
class Submitted:
    """`jobs` is empty unless it was waited for."""

    job_id: str
    system: str
    jobs: tuple[Job, ...] = ()


def _arguments(parser: Parser) -> None:
    parser.add_argument(
        "script", nargs="?", default="-", help="file with #SBATCH lines, `-` for standard input, or system:/path"
    )
    parser.add_argument("arguments", nargs="*", metavar="ARG", help="arguments of a script that lies on the system")
    system_option(parser)
    parser.add_argument("--parsable", action="store_true", help="print the id of the job alone")
    parser.add_argument("-W", "--wait", action="store_true", help="wait for its end; exit with its exit code")
    timeout_option(parser)
    parser.add_argument("--callback-url", metavar="URL", help="where the facility posts its end")
    parser.add_argument("--callback-email", metavar="ADDRESS", help="whom the facility mails its end")
    parser.add_argument("--callback-timeout", metavar="SECONDS", type=int, help="tell of a job that lasts longer, too")
    parser.add_argument("--idempotency-key", metavar="KEY", help="your own name for this submission: it happens once")


def _submit(call: Call) -> int:
    options, connection = call.options, call.connection
    system, script, is_path = _script(call)
    key = options.idempotency_key or _new_key()
    try:
        job_id = connection.submit(
            system,
            script,
            is_path=is_path,
            arguments=options.arguments,
            callback_url=options.callback_url,
            callback_email=options.callback_email,
            callback_timeout=options.callback_timeout,
            idempotency_key=key,
            warned=lambda text: call.output.note(f"warning: {text}"),
        )
    except KeyboardInterrupt:
        again = f"submit it again with --idempotency-key {key} and it is the same job"
        return detach(call.output, f"It may have been submitted: look with `sfapi jobs`, or {again}.")
    if not options.wait:
        _say(call, Submitted(job_id, system))
        return exits.OK
    return _waited(call, system, job_id)


def _waited(call: Call, system: str, job_id: str) -> int:
    if not call.output.as_json:
        _say(call, Submitted(job_id, system))
    try:
        jobs = call.connection.wait_for_job(system, job_id, timeout=call.options.timeout, changed=_teller(call))
    except KeyboardInterrupt:
        return detach(call.output, _goes_on(call, job_id), lambda: _cancelled(call, system, job_id))
    if call.output.as_json:
        _say(call, Submitted(job_id, system, jobs))
    return exit_code(jobs)


def exit_code(jobs: Sequence[Job]) -> int:
    """As a shell would have it: the worst of all, 128 and the signal, 1 for a job that did not end by itself."""
    return max(map(_one_exit_code, jobs))


def _one_exit_code(job: Job) -> int:
    if job.signal:
        return _SIGNALLED + job.signal
    if job.exit_code:
        return job.exit_code
    return exits.OK if job.succeeded else exits.FAILED


def _script(call: Call) -> tuple[str, str, bool]:
    """System, text or path, and whether it is a path."""
    name = call.options.script
    system, colon, path = name.partition(":")
    if colon and path.startswith("/") and "/" not in system:
        return call.system(system), path, True
    if call.options.arguments:
        raise ConfigurationError("Arguments are for scripts that lie on the system: name it as system:/path.")
    if name == "-":
        if sys.stdin.isatty():
            call.output.note("Reading the script from the keyboard; end it with Ctrl-D.")
        return call.system(), sys.stdin.read(), False
    with open(name, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - pathlib is not loaded for this alone
        return call.system(), file.read(), False


def _say(call: Call, submitted: Submitted) -> None:
    if call.output.as_json:
        call.output.document(submission=submitted)
    elif call.options.parsable:
        call.output.line(submitted.job_id)
    else:
        call.output.line(f"Submitted batch job {submitted.job_id}")
    sys.stdout.flush()


def _teller(call: Call) -> Callable[[Sequence[Job]], None]:
    """Says each state as it comes; of a job that waits why, and when it may start."""

    def changed(jobs: Sequence[Job]) -> None:
        if call.options.parsable:
            return
        states = sorted({how_it_is(job) for job in jobs})
        call.output.note(f"Job {jobs[0].id}: {', '.join(states)}")
        if isinstance(jobs, Jobs) and (words := last_seen(jobs[0].system, jobs)):
            call.output.note(words)

    return changed


def how_it_is(job: Job) -> str:
    """`PENDING, waits for free nodes (Resources), expected to start 2026-05-31 18:10`."""
    words = [job.state]
    if job.is_waiting and job.reason:
        words.append(plain_reason(job.reason))
    if job.is_waiting and job.started_at is not None:
        words.append(f"expected to start {short_time(job.started_at)}")
    return ", ".join(words)


def _goes_on(call: Call, job_id: str) -> str:
    return f"Job {job_id} goes on. Look with `sfapi show {job_id}`, follow it with `sfapi logs -f {job_id}`."


def _cancelled(call: Call, system: str, job_id: str) -> str:
    with call.another_connection() as connection:
        refused = connection.cancel(system, job_id)
    return f"Job {job_id}: {refused[job_id]}" if refused else f"Job {job_id} cancelled."


def _new_key() -> str:
    from superfacility.core.identifiers import new_uuid

    return str(new_uuid())


COMMANDS = {
    "submit": Command(
        _submit,
        _arguments,
        {"submission": Submitted},
        examples=(
            "sfapi submit job.sh",
            "sfapi submit --wait job.sh && echo it went well",
            "id=$(sfapi submit --parsable job.sh)",
            "sfapi submit perlmutter:/home/demo1/job.sh first-argument",
        ),
    ),
}
