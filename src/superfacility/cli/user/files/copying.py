"""`sfapi cp`: local files to a system and back, whole or not at all."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from superfacility.cli.user.files.listing import remote_path, split_remote
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.cli.user.terminal.progress import ProgressLine, Whole
from superfacility.client.calls.files.arriving import kept_parts
from superfacility.client.errors import ConfigurationError, NotFound, NotPermitted, Refused, Unavailable
from superfacility.client.records.files import Copied

_FROM_THE_BEGINNING = (
    "an upload begins anew, it cannot go on where it broke off. What is very large goes by sfapi transfer, from an "
    "endpoint that sees it."
)


@dataclass(frozen=True, slots=True)
class Copy:
    """One file that was copied. `compared`: the system's own SHA-256 of it is the same."""

    source: str
    target: str
    size: int
    sha256: str
    compared: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A path, here or on a system."""

    path: str
    system: str | None = None

    def __str__(self) -> str:
        return f"{self.system}:{self.path}" if self.system else self.path


def _arguments(parser: Parser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="one or more sources and a target; system:path, or local"
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="folders, with all that is in them")
    parser.add_argument("--no-compare", action="store_true", help="do not ask the system for its SHA-256 afterwards")


def _cp(call: Call) -> int:
    if len(call.options.paths) < 2:
        raise ConfigurationError("A copy needs a source and a target.")
    *sources, target = [_place(call, text) for text in call.options.paths]
    into = _is_folder(call, target)
    if len(sources) > 1 and not into:
        raise ConfigurationError(f"Several sources need a folder as their target, and {target} is none.")
    wanted = [pair for source in sources for pair in _pairs(call, source, _within(target, source) if into else target)]
    whole, copies = Whole(len(wanted), sum(size or 0 for _, _, size in wanted)), []
    for found, goal, _ in wanted:
        copies.append(_copied(call, found, goal, whole))
        whole.add(copies[-1].size)
    if call.output.as_json:
        call.output.document(copies=copies)
    elif len(copies) > 1:
        call.output.note(whole.summary())
    return exits.OK


def _place(call: Call, text: str) -> Place:
    remote = split_remote(text)
    if remote is None:
        return Place(text)
    system, path = remote
    absolute = remote_path(call, system, path)
    return Place(absolute + "/" if path.endswith("/") and not absolute.endswith("/") else absolute, system)


def _is_folder(call: Call, place: Place) -> bool:
    if place.system is None:
        return Path(place.path).is_dir()
    if place.path.endswith("/"):
        return True
    try:
        first = call.connection.ls(place.system, place.path)[0]
    except NotFound:
        return False
    return first.name == "." or (first.is_link and _is_folder(call, Place(place.path + "/.", place.system)))


def _within(folder: Place, source: Place) -> Place:
    name = posixpath.basename(source.path.rstrip("/")) or source.path
    return Place(posixpath.join(folder.path, name), folder.system)


Pair = tuple[Place, Place, int | None]


def _pairs(call: Call, source: Place, target: Place, size: int | None = None) -> Iterator[Pair]:
    """Files to copy, what they will be called, and their sizes as far as they are known; the folders are made."""
    if (source.system is None) == (target.system is None):
        raise ConfigurationError(
            "One of the two must be on a system, as system:path. Within a facility: sfapi transfer"
        )
    if size is not None or not _is_folder(call, source):
        yield source, target, _size(source) if size is None else size
        return
    if not call.options.recursive:
        raise ConfigurationError(f"{source} is a folder. Copy it with all that is in it: sfapi cp -r")
    _make(call, target)
    for name, known in _names(call, source):
        inner, goal = (Place(posixpath.join(each.path, name), each.system) for each in (source, target))
        yield from _pairs(call, inner, goal, known)


def _size(source: Place) -> int | None:
    """Of one on a system, its copy will tell."""
    return Path(source.path).stat().st_size if source.system is None else None


def _make(call: Call, folder: Place) -> None:
    if folder.system is None:
        Path(folder.path).mkdir(parents=True, exist_ok=True)
        return
    made = call.connection.run(folder.system, ["mkdir", "-p", "--", folder.path], timeout=120)
    if made.exit_code:
        raise Refused(made.error.rstrip())


def _names(call: Call, folder: Place) -> list[tuple[str, int | None]]:
    """With the sizes of those that are files."""
    if folder.system is None:
        found = sorted(Path(folder.path).iterdir())
        return [(each.name, None if each.is_dir() else each.stat().st_size) for each in found]
    entries = [
        each
        for each in call.connection.ls(folder.system, folder.path)
        if each.name not in {".", ".."} and not each.is_link
    ]
    if unsafe := [each.name for each in entries if "/" in each.name or "\0" in each.name]:
        raise Refused(f"{folder} lists {unsafe[0]!r}, which is no name of a file.")
    return [(each.name, None if each.is_folder else each.size) for each in entries]


def _copied(call: Call, source: Place, target: Place, whole: Whole) -> Copy:
    line = ProgressLine(source.path if source.system is None else target.path, whole)
    try:
        if source.system is not None:
            done = call.connection.download(source.system, source.path, Path(target.path), progress=line)
        else:
            assert target.system is not None
            done = _uploaded(call, Path(source.path), target, line)
    except KeyboardInterrupt:
        if target.system is None and kept_parts(Path(target.path)):
            call.output.note("\nWhat has arrived is kept: the same command goes on from there.")
        raise
    finally:
        line.clear()
    compared = not call.options.no_compare and _same(call, source if source.system else target, done)
    if not call.output.as_json:
        call.output.line(f"{done.sha256}  {done.target}")
        verdict = "the same there" if compared else "not compared with the system"
        call.output.note(f"{line.summary(done.size)}, {verdict}")
    return Copy(done.source, done.target, done.size, done.sha256, compared)


def _uploaded(call: Call, source: Path, target: Place, line: ProgressLine) -> Copied:
    assert target.system is not None
    try:
        return call.connection.upload(source, target.system, target.path, progress=line)
    except Unavailable as problem:
        problem.args = (f"{str(problem).rstrip()}\n{source}: {_FROM_THE_BEGINNING}",)
        raise


def _same(call: Call, remote: Place, copied: Copied) -> bool:
    """Compare with what the system reads; False where it cannot be asked."""
    assert remote.system is not None
    try:
        found = call.connection.run(remote.system, ["sha256sum", "--", remote.path])
    except (NotPermitted, NotFound):
        return False
    if found.exit_code:
        return False
    digest = found.output.split()[0].lstrip("\\")
    if digest != copied.sha256:
        raise Refused(f"{remote} has SHA-256 {digest} now, and {copied.sha256} was copied. Copy it again.")
    return True


_EXAMPLES = (
    "sfapi cp raw.h5 perlmutter:data/             to your home folder there",
    "sfapi cp -r perlmutter:/scratch/run7 .       back, with all that is in it",
    "sfapi cp ./a:b perlmutter:                   a local name with a colon",
)
COMMANDS = {"cp": Command(_cp, _arguments, {"copies": tuple[Copy, ...]}, examples=_EXAMPLES)}
