"""`scontrol`: show jobs, reservations, partitions and the node; hold, release and change jobs; make reservations."""

from collections.abc import Callable, Sequence
from pathlib import Path

from superfacility.adapters.embedded.columns import squeue_row
from superfacility.adapters.embedded.output_paths import output_paths
from superfacility.adapters.embedded.programs.asking import Failure, ask, caller, jobs_of, run, say
from superfacility.adapters.embedded.protocol import Message, Problem
from superfacility.adapters.embedded.records import JobRecord, Submission, reservation_from
from superfacility.adapters.embedded.request.times import clock_text, moment_text, parse_duration, parse_moment

_NAMES = {
    "start": {"starttime"},
    "end": {"endtime", "duration"},
    "nodes": {"nodecnt"},
    "cores_asked": {"corecnt"},
    "users": {"users", "user"},
    "accounts": {"accounts", "account"},
}
"""What a reservation's update may name, in Slurm's words."""


def main() -> None:
    run(_scontrol)


def _scontrol(state: Path, words: Sequence[str]) -> int:
    words = [word for word in words if not word.startswith("-")]
    commands: dict[str, Callable[[Path, list[str]], None]] = {
        "show": _show,
        "hold": _hold,
        "release": _release,
        "requeue": _requeue,
        "update": _update,
        "create": _create,
        "delete": _delete,
        "ping": _ping,
        "shutdown": _shutdown,
    }
    command = commands.get(words[0].lower()) if words else None
    if command is None:
        raise Failure(f"invalid keyword: {words[0] if words else ''}")
    command(state, list(words[1:]))
    return 0


def _ping(state: Path, words: list[str]) -> None:
    answer = ask(state, {"do": "hello"})
    say(f"Slurmctld(primary) at {answer['configuration']['cluster']} is UP")


def _shutdown(state: Path, words: list[str]) -> None:
    """End the daemon; jobs go on, and the next question starts another."""
    ask(state, {"do": "shutdown"})


def _show(state: Path, words: list[str]) -> None:
    kind = words[0].lower() if words else ""
    name = words[1] if len(words) > 1 else ""
    showing: dict[str, Callable[[Path, str], list[str]]] = {
        "job": _jobs,
        "jobs": _jobs,
        "reservation": _reservations,
        "reservations": _reservations,
        "res": _reservations,
        "partition": _partitions,
        "partitions": _partitions,
        "node": _node,
        "nodes": _node,
        "config": _configuration,
    }
    kind, _, behind = kind.partition("=")
    if kind not in showing:
        raise Failure(f"invalid entity: {kind} for keyword: show")
    for block in showing[kind](state, behind or name):
        say(block)


def _jobs(state: Path, name: str) -> list[str]:
    answer = ask(state, {"do": "jobs", "ids": [name] if name else []})
    if name and not answer["jobs"]:
        raise Failure("slurm_load_jobs error: Invalid job id specified")
    cluster, now = answer["configuration"]["cluster"], answer["now"]
    return [_job(submission, job, cluster, now) for submission, job in jobs_of(answer)] or ["No jobs in the system"]


def _job(submission: Submission, job: JobRecord, cluster: str, now: float) -> str:
    row = squeue_row(submission, job, cluster, now)
    eligible = moment_text(submission.request.begin or submission.submitted)
    output, error = output_paths(submission, job, cluster)
    array = "" if job.task is None else f" ArrayJobId={submission.id} ArrayTaskId={job.task}"
    return "\n   ".join(
        (
            f"JobId={job.id}{array} JobName={_one_line(row['name'])}",
            f"UserId={submission.user}({submission.uid}) GroupId={submission.gid}({submission.gid}) MCS_label=N/A",
            f"Priority={row['priority']} Nice=0 Account={row['account']} QOS={row['qos']}",
            f"JobState={job.state} Reason={job.reason.replace(' ', '_')} Dependency={row['dependency']}",
            f"Requeue=0 Restarts={job.restarts} BatchFlag=1 Reboot=0 ExitCode={job.exit_code}:{job.signal}",
            f"RunTime={row['time']} TimeLimit={row['time_limit']} TimeMin=N/A",
            f"SubmitTime={row['submit_time']} EligibleTime={eligible}",
            f"StartTime={moment_text(job.started, 'Unknown')} EndTime={row['end_time']}",
            f"Partition={row['partition']} NodeList={row['nodelist'] or '(null)'} Reservation={row['reservation']}",
            f"NumNodes={row['nodes']} NumCPUs={row['cpus']}",
            f"NumTasks={submission.request.ntasks} CPUs/Task={row['min_cpus']}",
            f"Features={row['features']} Comment={_one_line(row['comment'])}",
            f"Command={_one_line(row['command'])}",
            f"WorkDir={_one_line(row['work_dir'])}",
            f"StdErr={_one_line(error)}",
            "StdIn=/dev/null",
            f"StdOut={_one_line(output)}",
            "",
        )
    )


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)


def _reservations(state: Path, name: str) -> list[str]:
    now = ask(state, {"do": "hello"})["now"]
    records = [reservation_from(each) for each in ask(state, {"do": "reservations"})]
    chosen = [each for each in records if not name or each.name == name]
    if not chosen:
        return [f"Reservation {name} not found" if name else "No reservations in the system"]
    return [
        f"ReservationName={each.name} StartTime={moment_text(each.start)} EndTime={moment_text(each.end)}"
        f" Duration={clock_text(each.end - each.start)}\n"
        f"   NodeCnt=1 CoreCnt={each.cores} Users={','.join(each.users) or '(null)'}"
        f" Accounts={','.join(each.accounts) or '(null)'}"
        f" State={'ACTIVE' if each.start <= now < each.end else 'INACTIVE'}\n"
        for each in chosen
    ]


def _partitions(state: Path, name: str) -> list[str]:
    configuration = ask(state, {"do": "hello"})["configuration"]
    if name and name not in configuration["partitions"]:
        raise Failure(f"Partition {name} not found")
    return [
        f"PartitionName={each} Default={'YES' if each == configuration['default_partition'] else 'NO'}"
        f" MaxTime={'UNLIMITED' if limit is None else clock_text(limit)} State=UP"
        f" TotalCPUs={configuration['cores']} TotalNodes=1 Nodes={configuration['cluster']}\n"
        for each, limit in configuration["partitions"].items()
        if not name or each == name
    ]


def _node(state: Path, name: str) -> list[str]:
    configuration = ask(state, {"do": "hello"})["configuration"]
    if name and name != configuration["cluster"]:
        raise Failure(f"Node {name} not found")
    features = ",".join(configuration["constraints"]) or "(null)"
    return [
        f"NodeName={configuration['cluster']} CPUTot={configuration['cores']} AvailableFeatures={features} State=UP\n"
    ]


def _configuration(state: Path, name: str) -> list[str]:
    configuration = ask(state, {"do": "hello"})["configuration"]
    lines = (
        f"ClusterName             = {configuration['cluster']}",
        f"KillWait                = {configuration['kill_wait']:g} sec",
        f"MaxArraySize            = {configuration['max_array_size']}",
        f"MaxJobCount             = {configuration['max_jobs']}",
    )
    return ["\n".join(lines)]


def _hold(state: Path, words: list[str]) -> None:
    _change(state, words, {"held": True})


def _release(state: Path, words: list[str]) -> None:
    _change(state, words, {"held": False})


def _requeue(state: Path, words: list[str]) -> None:
    _change(state, words, {"do": "requeue"})


def _change(state: Path, words: Sequence[str], change: Message) -> None:
    for job in (each for word in words for each in word.split(",")):
        question = {"do": "update", "job": job, "user": caller(), **change}
        try:
            ask(state, question)
        except Problem as problem:
            raise Failure(f"{problem.words} for job {job}") from None


def _settings(words: Sequence[str]) -> dict[str, str]:
    return {name.lower(): value for name, _, value in (word.partition("=") for word in words)}


def _update(state: Path, words: list[str]) -> None:
    settings = _settings(words)
    job = settings.get("jobid", settings.get("job"))
    wanted = {key: settings[name] for name, key in (("timelimit", "limit"), ("qos", "qos")) if name in settings}
    if "reservationname" in settings or "reservation" in settings:
        return _update_reservation(state, settings)
    if job is None or not wanted:
        raise Failure("scontrol can update JobId=… TimeLimit=… QOS=… and ReservationName=… here")
    if "limit" in wanted:
        _check_limit(wanted["limit"])
    return _change(state, [job], wanted)


def _check_limit(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        raise Failure("Invalid TimeLimit value") from None


def _update_reservation(state: Path, settings: dict[str, str]) -> None:
    """What is not named stays as it is."""
    name = settings.get("reservationname") or settings["reservation"]
    found = [each for each in ask(state, {"do": "reservations"}) if each["name"] == name]
    if not found:
        raise Failure(f"Error updating the reservation: Requested reservation is invalid: {name}")
    now = ask(state, {"do": "hello"})["now"]
    start = _moment(settings["starttime"], now) if "starttime" in settings else found[0]["start"]
    asked = _asked(settings, start, now)
    named = {key for key, names in _NAMES.items() if settings.keys() & names}
    try:
        ask(state, {"do": "rebook", "name": name, "reservation": {key: asked[key] for key in named}})
    except Problem as problem:
        raise Failure(problem.words) from None
    say("Reservation updated.")


def _create(state: Path, words: list[str]) -> None:
    settings = _settings(words)
    if "reservation" not in settings and "reservationname" not in settings:
        raise Failure("scontrol can create reservation ReservationName=… here")
    now = ask(state, {"do": "hello"})["now"]
    start = _moment(settings.get("starttime", "now"), now)
    made = ask(state, {"do": "reserve", "reservation": _asked(settings, start, now)})
    say(f"Reservation created: {made['name']}")


def _asked(settings: dict[str, str], start: float, now: float) -> Message:
    name = settings.get("reservationname") or settings.get("reservation") or f"{caller()}_{int(start)}"
    return {
        "name": name,
        "start": start,
        "end": _end(settings, start, now),
        "nodes": _count(settings.get("nodecnt")),
        "cores_asked": _count(settings.get("corecnt")),
        "users": _list(settings.get("users", settings.get("user", ""))),
        "accounts": _list(settings.get("accounts", settings.get("account", ""))),
        "owner": caller(),
    }


def _end(settings: dict[str, str], start: float, now: float) -> float:
    if "endtime" in settings:
        return _moment(settings["endtime"], now)
    try:
        duration = parse_duration(settings.get("duration", "60"))
    except ValueError:
        duration = None
    if duration is None:
        raise Failure("Invalid duration")
    return start + duration


def _moment(text: str, now: float) -> float:
    try:
        return parse_moment(text, now)
    except ValueError:
        raise Failure(f"Invalid time: {text}") from None


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit():
        raise Failure(f"Invalid count: {text}")
    return int(text)


def _list(text: str) -> list[str]:
    return [each for each in text.split(",") if each]


def _delete(state: Path, words: list[str]) -> None:
    settings = _settings(words)
    name = settings.get("reservationname") or settings.get("reservation") or (words[-1] if words else "")
    try:
        ask(state, {"do": "unreserve", "name": name})
    except Problem as problem:
        raise Failure(f"Error deleting the reservation: {problem.words}") from None
