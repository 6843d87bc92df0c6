"""What every transfer agent does. A test module gives the fixture `agent`; the places are in memory."""

import asyncio

import pytest

from superfacility.facility.errors import FileProblem, NotPermitted, Unavailable
from superfacility.facility.files import WriteTarget
from superfacility.facility.people import User, UserName
from superfacility.facility.transfers import Endpoint, TransferAgent, TransferProgress, TransferRequest
from superfacility.testing.transports import MemoryTransport

USER = User(uid=1001, name=UserName("demo1"))
HOSTILE_TREE = {
    "plain": b"1",
    "with space/it's": b"22",
    "new\nline/-rf": b"333",
    "deep/" * 30 + "file": b"4444",
    "bytes-\udcff": b"55555",
    "empty": b"",
}


def allow(_: WriteTarget) -> None:
    """A guard that lets everything pass."""


class Copying:
    """Two places and an agent between them; `seen` is the progress it told."""

    def __init__(self, agent: TransferAgent) -> None:
        self.agent = agent
        self.source = MemoryTransport(piece=1000)
        self.target = MemoryTransport(piece=1000)
        self.seen: list[TransferProgress] = []

    async def watch(self, progress: TransferProgress) -> None:
        self.seen.append(progress)

    async def copy(self, source: str, target: str) -> TransferProgress:
        here, there = Endpoint("dtn", self.source), Endpoint("hpss", self.target)
        return await self.agent.copy(USER, TransferRequest(here, source, there, target), allow, self.watch)


class TransferAgentContract:
    @pytest.fixture
    def copying(self, agent: TransferAgent) -> Copying:
        return Copying(agent)

    async def test_a_file_gets_the_new_name(self, copying: Copying) -> None:
        copying.source.add_file("/home/a/data", b"data")
        done = await copying.copy("/home/a/data", "/scratch/new/name")
        assert copying.target.nodes["/scratch/new/name"].data == b"data"
        assert (done.files_done, done.files_total, done.bytes_done, done.bytes_total) == (1, 1, 4, 4)

    async def test_all_in_a_folder_is_copied_under_any_name(self, copying: Copying) -> None:
        for name, data in HOSTILE_TREE.items():
            copying.source.add_file(f"/home/a/tree/{name}", data)
        copying.source.add_folder("/home/a/tree/nothing in it")
        done = await copying.copy("/home/a/tree/", "/scratch/copy")
        copied = {path: node.data for path, node in copying.target.nodes.items() if node.data or "empty" in path}
        assert copied == {f"/scratch/copy/{name}": data for name, data in HOSTILE_TREE.items()}
        assert "/scratch/copy/nothing in it" in copying.target.nodes
        assert (done.files_done, done.bytes_done) == (6, 15)
        assert done.skipped == ()

    async def test_what_is_missing_is_a_problem_of_the_path(self, copying: Copying) -> None:
        with pytest.raises(FileProblem, match="No such file or directory"):
            await copying.copy("/home/a/nothing", "/scratch/x")

    async def test_links_to_files_become_files_and_others_are_skipped_with_a_reason(self, copying: Copying) -> None:
        source = copying.source
        source.add_file("/home/a/elsewhere", b"pointed at")
        source.add_file("/secret", b"outside")
        source.add_folder("/home/a/tree")
        for name, to in (("good", "../elsewhere"), ("out", "/secret"), ("dangling", "no"), ("loop", ".")):
            source.add_link(f"/home/a/tree/{name}", to)
        source.add_special("/home/a/tree/fifo")
        done = await copying.copy("/home/a/tree", "/scratch/copy")
        assert copying.target.nodes["/scratch/copy/good"].data == b"pointed at"
        assert sorted(each.partition(":")[0] for each in done.skipped) == ["dangling", "fifo", "loop", "out"]
        assert all(each.partition(": ")[2] for each in done.skipped)
        assert not any(b"outside" in node.data for node in copying.target.nodes.values())

    async def test_a_second_run_copies_only_what_differs(self, copying: Copying) -> None:
        for name in ("same", "longer", "other"):
            copying.source.add_file(f"/home/a/tree/{name}", b"content")
        copying.target.add_file("/scratch/copy/same", b"content", mode=0o600)
        copying.target.add_file("/scratch/copy/longer", b"content and more")
        copying.target.add_file("/scratch/copy/other", b"CONTENT")
        before = copying.target.nodes["/scratch/copy/same"]
        done = await copying.copy("/home/a/tree", "/scratch/copy")
        assert copying.target.nodes["/scratch/copy/same"] is before
        assert {copying.target.nodes[f"/scratch/copy/{name}"].data for name in ("longer", "other")} == {b"content"}
        assert (done.files_done, done.bytes_done) == (3, 21)

    async def test_a_source_that_goes_away_leaves_whole_files_only_and_a_repeat_ends_it(self, copying: Copying) -> None:
        for name in "abc":
            copying.source.add_file(f"/home/a/tree/{name}", name.encode() * 5000)
        copying.source.faults.broken_reads = 1
        with pytest.raises(Unavailable):
            await copying.copy("/home/a/tree", "/scratch/copy")
        assert all(len(node.data) in (0, 5000) for node in copying.target.nodes.values())
        assert (await copying.copy("/home/a/tree", "/scratch/copy")).files_done == 3
        assert copying.target.nodes["/scratch/copy/b"].data == b"b" * 5000

    async def test_a_copy_that_differs_is_never_called_done(self, copying: Copying) -> None:
        copying.source.add_file("/home/a/data", b"content")
        copying.target.faults.corrupt_writes = 1
        with pytest.raises(Unavailable, match="differs"):
            await copying.copy("/home/a/data", "/scratch/data")
        await copying.copy("/home/a/data", "/scratch/data")
        assert copying.target.nodes["/scratch/data"].data == b"content"

    async def test_a_full_disk_is_said_in_its_own_words(self, copying: Copying) -> None:
        copying.source.add_file("/home/a/data", b"x" * 5000)
        copying.target.faults.full_after = 2000
        with pytest.raises(FileProblem, match="No space left on device"):
            await copying.copy("/home/a/data", "/scratch/data")
        assert "/scratch/data" not in copying.target.nodes

    async def test_the_guard_is_asked_of_folders_and_files(self, copying: Copying) -> None:
        copying.source.add_file("/home/a/tree/sub/data", b"x")
        seen: list[str] = []

        def guard(target: WriteTarget) -> None:
            seen.append(target.path)
            if target.path.endswith("data"):
                raise NotPermitted("no")

        here, there = Endpoint("dtn", copying.source), Endpoint("hpss", copying.target)
        with pytest.raises(NotPermitted):
            await copying.agent.copy(
                USER, TransferRequest(here, "/home/a/tree", there, "/scratch/t"), guard, copying.watch
            )
        assert seen == ["/scratch/t", "/scratch/t/sub", "/scratch/t/sub/data"]

    async def test_a_folder_is_not_copied_into_itself(self, copying: Copying) -> None:
        copying.source.add_file("/home/a/tree/data", b"x")
        place = Endpoint("dtn", copying.source)
        with pytest.raises(FileProblem, match="into itself"):
            await copying.agent.copy(
                USER, TransferRequest(place, "/home/a/tree", place, "/home/a/tree/copy"), allow, copying.watch
            )

    async def test_progress_grows_to_the_totals(self, copying: Copying) -> None:
        for number in range(20):
            copying.source.add_file(f"/home/a/tree/{number}", b"x" * 100)
        done = await copying.copy("/home/a/tree", "/scratch/copy")
        sizes = [each.bytes_done for each in copying.seen]
        assert sizes == sorted(sizes)
        assert (copying.seen[0].bytes_done, copying.seen[-1]) == (0, done)
        assert done.bytes_done == done.bytes_total == 2000

    async def test_cancelling_leaves_whole_files_only(self, copying: Copying) -> None:
        copying.source.add_file("/home/a/tree/data", b"x" * 5000)
        begun = asyncio.Event()

        async def stall(progress: TransferProgress) -> None:
            begun.set()
            await asyncio.Event().wait()

        here, there = Endpoint("dtn", copying.source), Endpoint("hpss", copying.target)
        running = asyncio.create_task(
            copying.agent.copy(USER, TransferRequest(here, "/home/a/tree", there, "/scratch/t"), allow, stall)
        )
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert "/scratch/t/data" not in copying.target.nodes
