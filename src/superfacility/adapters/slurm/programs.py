"""Runs Slurm's programs over a transport: readings that are whole or fail, and actions whose words are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from superfacility.adapters.slurm.options import Options
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks, whole_text
from superfacility.adapters.slurm.reading.times import TIME_FORMAT
from superfacility.adapters.slurm.words import error_text, unavailable, unknown_job
from superfacility.facility.commands import OUTPUT_LIMIT, Command, CommandResult
from superfacility.facility.errors import Doubtful, Unavailable
from superfacility.facility.people import User, UserName
from superfacility.facility.transport import Transport

_READING = 'mark=$1; shift; "$@" || exit; printf %s "$mark"'
"""Prints the end mark after the program has ended well. It is not the shell's name, which its own words begin with."""
_TOGETHER = """\
mark=$1 where=$2 bin=$3
shift 3
told() { printf '%s%d%s' "$mark" "$1" "$mark"; printf %s "$mark" >&2; [ "$1" = 0 ] || exit 0; }
"""
"""Begins a script of several questions: `told` with an exit code ends the answer to each, on both streams."""
_READER_LIMIT = 256 * 1024 * 1024
"""Bytes of what is read for everybody. Anybody else's account can answer without an end, as often as it is asked."""
_READABLE = {"SLURM_TIME_FORMAT": TIME_FORMAT, "SLURM_BITSTR_LEN": "0"}
"""Times that can be read without doubt, and arrays of any length written out."""
_UTC = {"TZ": "UTC0"}
_LOCAL = frozenset({"squeue", "sacct", "scontrol"})
"""In a federation these tell of the other members' jobs as well, unless they are told not to; --clusters implies it."""
_CLUSTER_LINE = "CLUSTER: "
_NOBODY = 65534
"""The reader is a name of the system; its number is nothing to us, and not root in any case."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Slurm's programs on one system."""

    system: str
    transport: Transport
    options: Options

    @property
    def reader(self) -> User:
        """Who reads what is read for everybody."""
        return User(uid=_NOBODY, name=UserName(self.options.account))

    def path(self, program: str) -> str:
        return program if self.options.bin is None else f"{self.options.bin.rstrip('/')}/{program}"

    def located(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """With the program's full path, for the one cluster that is meant."""
        program, *others = arguments
        where = [self._where] if self.options.cluster or program in _LOCAL else []
        return (self.path(program), *where, *others)

    @property
    def _where(self) -> str:
        return f"--clusters={self.options.cluster}" if self.options.cluster else "--local"

    async def read(self, user: User, arguments: tuple[str, ...], marks: Marks, *, utc: bool = False) -> str:
        """All that a program printed. `Unavailable` if it failed, or any of it may be missing. `utc`: with times in
        UTC as Slurm usually writes them."""
        command = ("/bin/sh", "-c", _READING, "sh", marks.end, *self.located(arguments))
        result = await self._reading(user, command, _UTC if utc else _READABLE)
        return self._whole(arguments[0], result, marks)

    async def read_if_known(self, user: User, arguments: tuple[str, ...], marks: Marks) -> str | None:
        """As `read`; None if Slurm knows none of the jobs that were asked for."""
        command = ("/bin/sh", "-c", _READING, "sh", marks.end, *self.located(arguments))
        result = await self._reading(user, command, _READABLE)
        if result.exit_code and unknown_job(error_text(result)):
            return None
        return self._whole(arguments[0], result, marks)

    def _whole(self, program: str, result: CommandResult, marks: Marks) -> str:
        if result.exit_code:
            raise unavailable(self.system, program, result)
        try:
            return without_cluster_line(whole_text(result.stdout, marks))
        except GarbledError as error:
            raise self.garbled(program, error) from None

    def garbled(self, program: str, error: GarbledError) -> Unavailable:
        return Unavailable(f"{self.system}: {program} answered what cannot be read ({error}); it is asked again later.")

    async def _reading(self, user: User, command: tuple[str, ...], environment: Mapping[str, str]) -> CommandResult:
        try:
            result = await self._run(user, command, {**environment, **self.options.environment})
        except Doubtful as error:
            raise Unavailable(str(error)) from error
        if result.timed_out:
            limit = self.options.read_seconds
            raise Unavailable(f"{self.system}: Slurm did not answer within {limit:g} s; it is asked again later.")
        if result.truncated:
            raise Unavailable(f"{self.system}: Slurm's answer is longer than {self._limit(user)} bytes.")
        return result

    async def ask(self, user: User, arguments: tuple[str, ...]) -> CommandResult:
        """A question whose failure has a meaning of its own; `Unavailable` if it has no answer in time."""
        return await self._reading(user, self.located(arguments), _UTC)

    async def ask_together(
        self, user: User, questions: Sequence[str], arguments: tuple[str, ...], marks: Marks
    ) -> Sequence[CommandResult]:
        """Several questions in one command, and the answer to each, until one fails; `Unavailable` if any of it may be
        missing.

        A question is a piece of a shell's script that runs `"${bin}squeue" "$where"` and the like, for programs that
        can be told to be local, and ends with `told $?`.
        """
        folder = "" if self.options.bin is None else self.path("")
        script = _TOGETHER + "".join(questions)
        command = ("/bin/sh", "-c", script, "sh", marks.end, self._where, folder, *arguments)
        result = await self._reading(user, command, _READABLE)
        try:
            return _answers(result, marks.end.encode(), len(questions))
        except GarbledError as error:
            raise self.garbled("/bin/sh", error) from None

    async def act(self, user: User, arguments: tuple[str, ...]) -> CommandResult:
        """A change; `Doubtful` if nobody knows whether it happened. Times are in UTC."""
        result = await self._run(user, self.located(arguments), {**_UTC, **self.options.environment})
        if result.timed_out:
            limit = self.options.read_seconds
            raise Doubtful(
                f"{self.system}: {arguments[0]} did not end within {limit:g} s; look whether it took effect."
            )
        return result

    async def _run(self, user: User, arguments: tuple[str, ...], environment: Mapping[str, str]) -> CommandResult:
        limit = self.options.read_seconds
        command = Command(arguments, environment, time_limit=limit, output_limit=self._limit(user))
        return await self.transport.run(user, command)

    def _limit(self, user: User) -> int:
        return _READER_LIMIT if user.name == self.options.account else OUTPUT_LIMIT


def _answers(result: CommandResult, mark: bytes, most: int) -> list[CommandResult]:
    said, words = result.stdout.split(mark), result.stderr.split(mark)
    texts, codes = said[:-1:2], said[1::2]
    if not codes or said[-1] or len(texts) != len(codes) or len(words) != len(codes) + 1:
        raise GarbledError("an answer has no end mark")
    answers = [CommandResult(int(code), text, said) for code, text, said in zip(codes, texts, words, strict=False)]
    if len(answers) != most and answers[-1].exit_code == 0:
        raise GarbledError("an answer is missing")
    return answers


def without_cluster_line(text: str) -> str:
    """Which squeue puts first when it is told the cluster."""
    return text.partition("\n")[2] if text.startswith(_CLUSTER_LINE) else text
