"""`sfapi jobs`, `show`, `cancel`, `hold`, `release`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.failures import tell
from superfacility.cli.user.terminal.parsing import Parser, system_option
from superfacility.cli.user.terminal.words import last_seen, plain_reason
from superfacility.client.errors import NotFound, Refused, SuperfacilityError
from superfacility.client.records.jobs import Job, JobFiles, Jobs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of several jobs; `error` is empty where it was done."""

    job_id: str
    system: str
    error: str


def job_reference(call: Call, text: str) -> tuple[str, str]:
    """System and id of `123`, `123_7` or `perlmutter:123`."""
    system, colon, job_id = text.rpartition(":")
    return call.system(system if colon else None), job_id


def _list_arguments(parser: Parser) -> None:
    system_option(parser)
    parser.add_argument("-a", "--all", action="store_true", help="of everybody whom you may see, not yours alone")
    parser.add_argument("-u", "--user", metavar="NAME", help="of one person")
    parser.add_argument("-A", "--project", metavar="NAME", help="of one project")
    parser.add_argument("-t", "--state", metavar="STATE", help="PENDING, RUNNING …; several with commas")
    parser.add_argument("-p", "--partition", metavar="NAME", help="in one partition")
    parser.add_argument("-q", "--qos", metavar="NAME", help="of one quality of service")
    parser.add_argument("-n", "--name", metavar="NAME", help="with this name")
    parser.add_argument("--ended", action="store_true", help="from accounting, since midnight: also those that ended")
    parser.add_argument("--since", metavar="TIME", help="as --ended, since then: 2026-06-01, 2026-06-01T08:00")
    parser.add_argument("--limit", type=int, metavar="N", help="so many at most")


def _list(call: Call) -> int:
    options, connection = call.options, call.connection
    user = options.user
    if user is None and not options.all and not options.project:
        user = connection.token_claims().get("sub") or connection.account().name
    system = call.system()
    found = connection.jobs(
        system,
        ended=options.ended or options.since is not None,
        limit=options.limit,
        user=user,
        project=options.project,
        state=options.state,
        partition=options.partition,
        qos=options.qos,
        name=options.name,
        starttime=options.since,
    )
    if call.output.as_json:
        call.output.document(jobs=found, data_as_of=found.as_of, stale=found.stale)
        return exits.OK
    call.output.table(found, _COLUMNS, nothing="No jobs.")
    _say_if_old(call, system, found)
    return exits.OK


def _say_if_old(call: Call, system: str, found: Jobs) -> None:
    if words := last_seen(system, found):
        call.output.note(words)


_COLUMNS: Mapping[str, Callable[[Job], Any]] = {
    "JOBID": lambda job: job.id,
    "NAME": lambda job: job.name,
    "USER": lambda job: job.user,
    "PROJECT": lambda job: job.project,
    "QOS": lambda job: job.qos,
    "STATE": lambda job: job.state,
    "TIME": lambda job: job.elapsed,
    "LIMIT": lambda job: job.time_limit,
    "NODES": lambda job: job.nodes,
    "WHERE OR WHY": lambda job: plain_reason(job.reason) if job.is_waiting else job.node_list,
}


def _job_argument(parser: Parser) -> None:
    parser.add_argument("job", metavar="JOB", help="id, 123_7 for an element of an array, or system:id")
    system_option(parser)


def _show(call: Call) -> int:
    system, job_id = job_reference(call, call.options.job)
    found = call.connection.job_elements(system, job_id)
    files = _files(call, system, job_id)
    if call.output.as_json:
        call.output.document(jobs=found, files=files, data_as_of=found.as_of, stale=found.stale)
        return exits.OK
    for number, job in enumerate(found):
        if number:
            call.output.line()
        call.output.record(_described(job, files))
    _say_if_old(call, system, found)
    return exits.OK


def _files(call: Call, system: str, job_id: str) -> JobFiles | None:
    """Nobody may know them any more."""
    try:
        return call.connection.job_files(system, job_id)
    except (NotFound, Refused):
        return None


def _described(job: Job, files: JobFiles | None) -> dict[str, Any]:
    ended = f"{job.exit_code}" + (f", signal {job.signal}" if job.signal else "") if job.exit_code is not None else ""
    return {
        "job": job.id,
        "name": job.name,
        "state": job.state,
        "why": plain_reason(job.reason),
        "exit code": ended,
        "user": job.user,
        "project": job.project,
        "system": job.system,
        "partition": job.partition,
        "qos": job.qos,
        "nodes": job.nodes,
        "cpus": job.cpus,
        "on": job.node_list,
        "time": f"{job.elapsed} of {job.time_limit}" if job.time_limit else job.elapsed,
        "submitted": job.submitted_at,
        "expected to start" if job.is_waiting else "started": job.started_at,
        "ended" if job.has_ended else "ends at the latest": job.ended_at,
        "folder": job.directory,
        "stdout": files.stdout if files else None,
        "stderr": files.stderr if files and files.stderr != files.stdout else None,
        "command": files.command if files else None,
    }


def _jobs_argument(parser: Parser) -> None:
    parser.add_argument("jobs", metavar="JOB", nargs="+", help="ids, or system:id")
    system_option(parser)


def _cancel(call: Call) -> int:
    outcomes: list[Outcome] = []
    by_system: dict[str, list[str]] = {}
    for text in call.options.jobs:
        system, job_id = job_reference(call, text)
        by_system.setdefault(system, []).append(job_id)
    for system, job_ids in by_system.items():
        refused = call.connection.cancel(system, *job_ids)
        outcomes += [Outcome(each, system, refused.get(each, "").rstrip()) for each in job_ids]
    return _report(call, outcomes, "cancelled")


def _each(verb: str, done: str) -> Callable[[Call], int]:
    def run(call: Call) -> int:
        outcomes: list[Outcome] = []
        for text in call.options.jobs:
            system, job_id = job_reference(call, text)
            try:
                getattr(call.connection, verb)(system, job_id)
                outcomes.append(Outcome(job_id, system, ""))
            except (NotFound, Refused) as problem:
                outcomes.append(Outcome(job_id, system, str(problem).rstrip()))
        return _report(call, outcomes, done)

    return run


def _report(call: Call, outcomes: list[Outcome], done: str) -> int:
    """Every job's own; the exit code is that of the worst."""
    if call.output.as_json:
        call.output.document(outcomes=outcomes)
    worst = exits.OK
    for each in outcomes:
        if not each.error:
            if not call.output.as_json:
                call.output.note(f"Job {each.job_id} {done}.")
            continue
        unknown = "Invalid job id" in each.error or "no job" in each.error
        kind: type[SuperfacilityError] = NotFound if unknown else Refused
        if call.output.as_json:
            worst = max(worst, exits.NOT_FOUND if unknown else exits.FAILED)
        else:
            worst = max(worst, tell(call, kind(f"job {each.job_id}: {each.error}")))
    return worst


_OUTCOMES = {"outcomes": tuple[Outcome, ...]}
_AGE = {"data_as_of": datetime | None, "stale": bool}
COMMANDS = {
    "jobs": Command(
        _list,
        _list_arguments,
        {"jobs": tuple[Job, ...], **_AGE},
        examples=("sfapi jobs", "sfapi jobs --state PENDING,RUNNING --project m0001", "sfapi jobs --since 2026-06-01"),
    ),
    "show": Command(
        _show,
        _job_argument,
        {"jobs": tuple[Job, ...], "files": JobFiles | None, **_AGE},
        examples=("sfapi show 1234", "sfapi show perlmutter:1234_7"),
    ),
    "cancel": Command(_cancel, _jobs_argument, _OUTCOMES),
    "hold": Command(_each("hold", "held"), _jobs_argument, _OUTCOMES),
    "release": Command(_each("release", "released"), _jobs_argument, _OUTCOMES),
}
