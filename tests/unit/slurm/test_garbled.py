"""Goal R4: whatever happens to an answer, it is never taken for a shorter queue, nor for the end of a job."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.adapters.slurm.reading.accounting import parse_sacct, sacct_fields
from superfacility.adapters.slurm.reading.queue import parse_squeue
from superfacility.adapters.slurm.reading.states import job_state
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks, rows, whole_text
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import Doubtful, Unavailable
from superfacility.facility.jobs import JobQuery, JobState
from superfacility.facility.people import User
from superfacility.facility.site import Site
from superfacility.testing.transports import MemoryTransport

RECORDED = Path(__file__).parents[2] / "recorded"
KEY = Marks("recorded")
ANSWERS = {
    version: ((RECORDED / version / "squeue.txt").read_text(), (RECORDED / version / "sacct.txt").read_text())
    for version in sorted(folder.name for folder in RECORDED.iterdir() if folder.is_dir())
}
VERSIONS = st.sampled_from(sorted(ANSWERS))
SITE = Site("perlmutter", lambda user: "/home", ("/home",), Path("/state"), Path("/bin"))


def fields(version: str) -> dict[str, str]:
    return sacct_fields((RECORDED / version / "helpformat.txt").read_text().lower().split())


@given(version=VERSIONS, place=st.floats(0, 1, exclude_max=True))
def test_an_answer_that_is_cut_anywhere_is_no_answer(version: str, place: float) -> None:
    for text in ANSWERS[version]:
        whole = (text + KEY.end).encode()
        with pytest.raises(GarbledError):
            whole_text(whole[: int(place * len(whole))], KEY)


@given(version=VERSIONS, start=st.floats(0, 1), length=st.integers(1, 4000))
def test_a_hole_never_hides_a_job_quietly(version: str, start: float, length: int) -> None:
    """Unless whole rows are gone, which the end mark of a program that ended well excludes."""
    text = ANSWERS[version][0]
    at = int(start * (len(text) - 1))
    holed = text[:at] + text[at + length :]
    if text[at : at + length].count("\n") == 0:
        try:
            found = parse_squeue(holed, KEY, array_limit=100)
        except GarbledError:
            return
        assert len(found.jobs) >= len(parse_squeue(text, KEY, array_limit=0).jobs)


@given(version=VERSIONS, junk=st.text(min_size=1, max_size=50), start=st.floats(0, 1))
def test_other_text_in_between_ends_no_job(version: str, junk: str, start: float) -> None:
    squeue, sacct = ANSWERS[version]
    for text, parse in (
        (squeue, lambda t: parse_squeue(t, KEY, array_limit=0).jobs),
        (sacct, lambda t: parse_sacct(t, KEY, fields(version), array_limit=0)),
    ):
        at = int(start * len(text))
        ended = sum(job.state.terminal for job in parse(text))
        try:
            found = parse(text[:at] + junk + text[at:])
        except GarbledError:
            continue
        assert sum(job.state.terminal for job in found) <= ended
        assert len(found) >= len(parse(text))


@given(st.text())
def test_only_a_known_word_is_an_end(text: str) -> None:
    word = text.partition(" ")[0].rstrip("+")
    known = word in set(JobState) or word in {"LAUNCH_FAILED", "RECONFIG_FAIL"}
    assert known or not job_state(text).terminal


@given(
    names=st.lists(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=40), min_size=1, max_size=8
    )
)
def test_no_text_of_a_user_breaks_a_row(names: list[str]) -> None:
    marks = Marks()
    made = [["1", name, name[::-1]] for name in names]
    text = "".join("".join(value + marks.column for value in row) + "\n" for row in made)
    assert rows(text, marks, 3) == made


class Answer:
    """A transport whose commands all end in the same way."""

    def __init__(self, result: CommandResult | Exception) -> None:
        self.result = result

    async def run(self, user: User, command: Command, on_output: object = None) -> CommandResult:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def ask(result: CommandResult | Exception, question: Callable[[SlurmScheduler], object]) -> None:
    transport = MemoryTransport()
    transport.run = Answer(result).run  # type: ignore[method-assign]
    scheduler = SlurmScheduler.open(SITE, {"account": "sfgate"}, transport)
    with pytest.raises(Unavailable):
        asyncio.run(question(scheduler))  # type: ignore[arg-type]


QUESTIONS: list[Callable[[SlurmScheduler], object]] = [
    lambda scheduler: scheduler.queue(),
    lambda scheduler: scheduler.accounting(JobQuery()),
    lambda scheduler: scheduler.inventory(),
    lambda scheduler: scheduler.reservations(),
    lambda scheduler: scheduler.ping(),
    lambda scheduler: scheduler.capabilities(),
]


@given(
    code=st.integers(0, 255),
    stdout=st.one_of(st.binary(max_size=200), st.sampled_from([a[0].encode() for a in ANSWERS.values()])),
    stderr=st.sampled_from([b"", b"slurm_load_jobs error: Socket timed out\n", b"Killed\n", b"\xff"]),
    question=st.sampled_from(QUESTIONS),
)
def test_whatever_a_program_answers_without_its_end_mark_is_unavailable(
    code: int, stdout: bytes, stderr: bytes, question: Callable[[SlurmScheduler], object]
) -> None:
    ask(CommandResult(code, stdout, stderr), question)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "result",
    [
        CommandResult(143, b"", b"", timed_out=True),
        CommandResult(0, b"", b"", truncated=True),
        Doubtful("the connection was lost"),
        Unavailable("the login node does not answer"),
    ],
)
def test_no_answer_is_unavailable(
    result: CommandResult | Exception, question: Callable[[SlurmScheduler], object]
) -> None:
    ask(result, question)
