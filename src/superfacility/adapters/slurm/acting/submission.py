"""One submission: the command that carries it, and what sbatch's answer means."""

import os
import re
import shlex
from posixpath import normpath

from superfacility.adapters.slurm.carrier import NAME, carrier, without_carrier
from superfacility.adapters.slurm.options import Options
from superfacility.adapters.slurm.words import NOT_FOUND_CODE, away, certainly_not_sent, error_text, program_missing
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import Doubtful, FacilityError, Refused, Unavailable
from superfacility.facility.jobs import Intent, JobId, JobScript
from superfacility.facility.people import UserName

_CODE = re.compile(r"[0-9]{1,3}")
_SUBMISSION = re.compile(r"(\d+)(?:;\S*)?")
_NOT_PREPARED = 75
_LONGEST_PATH = 4095
"""Bytes, of Linux."""
"""Our own exit code (EX_TEMPFAIL): sbatch was not started."""
_BY_SIGNAL = range(129, 193)
"""128 + n after signal n; sbatch itself ends with 1, or with 255 for an option that it does not understand."""

_PROGRAM = """{
%(environment)sd=$1 s=$2 c=$3 p=$4 a=%(account)s; shift 4
trap 'rm -rf -- "$d"; exit 143' HUP INT TERM
{ %(prepared)s; } || { rm -rf -- "$d"; exit %(not_prepared)d; }
"$s" --parsable ${c:+"--clusters=$c"} ${a:+"--account=$a"} "$d$p" "$@" </dev/null
echo "$?"; exec rm -rf -- "$d" </dev/null
}
"""
"""It comes by stdin with the text in it, so that no other user of the login node can read that from the list of
processes. A shell runs such braces only when it has read all of them: what does not arrive whole does nothing.
sbatch's exit code is the last line of what is printed: the shell becomes the program that tidies up."""
_TEXT = """mkdir -m 700 -- "$d" && printf %s %s >"$d$p\""""
"""The one process besides sbatch before its answer; the folder is closed to others, whatever the user's umask is."""
_TEXT_OF_PATH = """mkdir -m 700 -- "$d" && mkdir -p -- "$d${p%%/*}" && printf %s %s >"$d$p\""""
"""Folders in front of the name that the text was read under, as the link is in front of a user's own path."""
_PATH = """case $p in /*) ;; *) p=$PWD/$p ;; esac; ln -s / "$d\""""
"""A link to the root in front of the user's own path: the script is read where it is, and keeps its name."""
_SWEPT = "sfapi.????????-????-????-????-????????????.*"


def submit_command(options: Options, sbatch: str, script: JobScript, intent: Intent, attempt: int) -> Command:
    """Run in the user's home directory, which becomes the job's. `Refused` for a path that no system can have."""
    path = f"{carrier(options.spool, intent)}.{attempt}"
    within, prepared = _prepared(script)
    if script.path is not None and len(os.fsencode(path + within)) > _LONGEST_PATH:
        raise Refused(f"sbatch: error: Unable to open file {script.path}: its path is too long\n")
    exported = {name: value for name, value in options.environment.items() if name.isascii() and name.isidentifier()}
    program = _PROGRAM % {
        "environment": "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exported.items()),
        "account": shlex.quote(script.project or ""),
        "prepared": prepared,
        "not_prepared": _NOT_PREPARED,
    }
    return Command(
        ("/bin/sh", "-s", "--", path, sbatch, options.cluster or "", within, *script.arguments),
        {name: value for name, value in options.environment.items() if name not in exported},
        stdin=program.encode("utf-8", "surrogateescape"),
        time_limit=options.submit_seconds,
    )


def _prepared(script: JobScript) -> tuple[str, str]:
    """The script's path behind the carrier, and what puts it there. No text is written outside of the carrier."""
    if script.path is None:
        return f"/{NAME}", _TEXT % _printed(script.text or "")
    if script.text is None:
        return script.path, _PATH
    return "/" + normpath(f"/{script.path}").lstrip("/"), _TEXT_OF_PATH % _printed(script.text)


def _printed(text: str) -> tuple[str, str]:
    """Format and argument of a printf that prints it; a shell's words hold no NUL, which sbatch shall refuse itself."""
    if "\0" not in text:
        return "%s", shlex.quote(text)
    return "%b", shlex.quote(text.replace("\\", "\\\\").replace("\0", "\\0000"))


def sweep_command(options: Options, user: UserName) -> Command:
    """Remove what this user's killed submissions of past days have left."""
    mine = ("-maxdepth", "1", "-user", user, "-name", _SWEPT, "-mtime", "+0")
    return Command(("find", options.spool, *mine, "-exec", "rm", "-rf", "--", "{}", "+"))


def submitted_job(system: str, result: CommandResult) -> JobId:
    """The id that sbatch printed. `Refused` on its clear no, in its words; `Unavailable` if nothing was sent;
    `Doubtful` for all else."""
    if result.timed_out:
        raise Doubtful(f"{system}: sbatch did not answer in time; the job may have been accepted.")
    words = without_carrier(error_text(result))
    if result.exit_code == _NOT_PREPARED:
        cause = words.strip() or "it did not arrive whole"
        raise Unavailable(f"{system}: the script could not be handed to sbatch ({cause}); it is tried again later.")
    printed = result.stdout.decode("utf-8", "replace").splitlines()
    code = int(printed.pop()) if printed and _CODE.fullmatch(printed[-1]) else None
    if code != 0:
        raise _failure(system, code, words)
    if (job_id := _printed_id(printed)) is not None:
        return job_id
    raise Doubtful(f"{system}: sbatch ended well but printed no job id; the job may have been accepted.")


def accepted_job(stdout: bytes) -> JobId | None:
    """The id, as soon as sbatch has ended well: what follows only tidies up."""
    return _printed_id(stdout.decode("utf-8", "replace").splitlines()[:-1]) if stdout.endswith(b"\n0\n") else None


def _printed_id(printed: list[str]) -> JobId | None:
    for line in reversed(printed):
        if found := _SUBMISSION.fullmatch(line.strip()):
            return JobId(found[1])
    return None


def _failure(system: str, code: int | None, words: str) -> FacilityError:
    """`code` is None if it is not known: sbatch's shell was ended from outside."""
    if code == NOT_FOUND_CODE:
        return program_missing(system, "sbatch")
    if certainly_not_sent(words):
        return Unavailable(f"{system}: {words.strip().splitlines()[-1]}; it is tried again later.")
    if code is None or code in _BY_SIGNAL or away(words) or "sbatch: " not in words:
        last = (words.strip().splitlines() or ["it said nothing"])[-1]
        return Doubtful(f"{system}: sbatch failed ({last}); the job may have been accepted.")
    return Refused(words if words.endswith("\n") else words + "\n")
