"""The official client from PyPI, unmodified, against a real server: every method it has, also where they fail."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import httpx2
import pytest
from sfapi_client import AsyncClient, Client, Resource, SfApiError, StatusValue
from sfapi_client._models import OutageStatusValue as OutageStatus
from sfapi_client.compute import Machine
from sfapi_client.exceptions import ClientKeyError
from sfapi_client.jobs import JobCommand, JobState

from superfacility.adapters.sql import SqlClientStore, open_database
from superfacility.core.clock import SystemClock
from superfacility.oauth.clients import ClientId
from superfacility.testing.contracts.client_store import entry

pytestmark = pytest.mark.timeout(180)

HTTP_STATUS_ERRORS = (httpx.HTTPStatusError, httpx2.HTTPStatusError)
"""Authlib, below the client, prefers httpx2 where it is installed."""

HELLO = "#!/bin/bash\n#SBATCH -q debug\n#SBATCH -C cpu\n#SBATCH -A m0001\n#SBATCH -t 5\necho hello from $SLURM_JOB_ID\n"
SLEEPER = HELLO + "sleep 120\n"


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


async def end_of_life(served: Any, client_id: str) -> None:
    """The client's comes now, as if it had been made long ago."""
    database = open_database(served.directory / "superfacility.db")
    try:
        clients = SqlClientStore(database)
        client = await clients.client(ClientId(client_id))
        assert client is not None
        await clients.save(replace(client, expires_at=SystemClock().now()), entry())
    finally:
        await database.aclose()


@pytest.fixture(scope="module", params=["embedded", "slurm"])
def served(request: pytest.FixtureRequest, served: Any) -> Any:
    """The demonstration facility with the embedded scheduler; and one whose machine is a real Slurm over SSH."""
    return served if request.param == "embedded" else request.getfixturevalue("slurm_facility")


@pytest.fixture(scope="module")
def red_key(served: Any) -> Path:
    return served.key(served.first, "red")


@pytest.fixture
def client(served: Any, red_key: Path) -> Iterator[Client]:
    with Client(key=red_key, api_base_url=served.base_url, token_url=served.token_url, wait_interval=1) as client:
        yield client


@pytest.fixture
async def aclient(served: Any, red_key: Path) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(
        key=red_key, api_base_url=served.base_url, token_url=served.token_url, wait_interval=1
    ) as it:
        yield it


@pytest.fixture
def perlmutter(client: Client) -> Any:
    return client.compute(Machine.perlmutter)


@pytest.fixture
def home(served: Any) -> str:
    return str(served.home(served.first))


@pytest.fixture
def first(served: Any) -> str:
    return served.first


@pytest.fixture
def second(served: Any) -> str:
    return served.second


class TestCredentials:
    def test_pem_key_file(self, served: Any) -> None:
        key = served.key(suffix=".pem")
        with Client(key=key, api_base_url=served.base_url, token_url=served.token_url) as client:
            assert client.user().name == served.first
            assert len(client.token.split(".")) == 3

    def test_access_token_alone(self, served: Any, client: Client) -> None:
        client.user()
        with Client(access_token=client.token, api_base_url=served.base_url) as other:
            assert other.user().name == served.first

    def test_key_file_must_be_private(self, served: Any) -> None:
        key = served.key()
        key.chmod(0o644)
        with pytest.raises(ClientKeyError):
            Client(key=key)

    def test_anonymous_may_read_status_only(self, served: Any) -> None:
        with Client(api_base_url=served.base_url) as client:
            assert client.resources.status("perlmutter").status is StatusValue.active
            with pytest.raises(SfApiError, match="unauthenticated"):
                client.user()

    def test_revoked_client_is_refused_at_once(self, served: Any) -> None:
        key = served.key(level="green")
        with Client(key=key, api_base_url=served.base_url, token_url=served.token_url) as client:
            assert client.user().name == served.first
            served.admin("client", "revoke", json.loads(key.read_text())["client_id"])
            with pytest.raises(HTTP_STATUS_ERRORS) as refused:
                client.user()
            assert refused.value.response.status_code == 403
            assert "revoked" in refused.value.response.json()["detail"]

    def test_expired_client_is_told_so(self, served: Any) -> None:
        key = served.key(level="green")
        with Client(key=key, api_base_url=served.base_url, token_url=served.token_url) as client:
            assert client.user().name == served.first
            asyncio.run(end_of_life(served, json.loads(key.read_text())["client_id"]))
            with pytest.raises(HTTP_STATUS_ERRORS) as refused:
                until(lambda: client.user() is None)
            assert refused.value.response.status_code == 403
            assert "expired" in refused.value.response.json()["detail"]
        with (
            pytest.raises(Exception, match="expired"),
            Client(key=key, api_base_url=served.base_url, token_url=served.token_url) as late,
        ):
            late.user()

    def test_level_too_low(self, served: Any) -> None:
        with Client(key=served.key(level="yellow"), api_base_url=served.base_url, token_url=served.token_url) as client:
            machine = client.compute(Machine.perlmutter)
            with pytest.raises(HTTP_STATUS_ERRORS) as refused:
                machine.submit_job(HELLO)
            assert refused.value.response.status_code == 403
            assert "red" in refused.value.response.json()["detail"]

    def test_wrong_address_is_named(self, served: Any) -> None:
        key = served.key(ip="10.1.2.0/24")
        with (
            pytest.raises(Exception, match=r"127\.0\.0\.1"),
            Client(key=key, api_base_url=served.base_url, token_url=served.token_url) as client,
        ):
            client.user()


class TestMetaAndStatus:
    def test_changelog_and_config(self, client: Client) -> None:
        assert client.api.changelog()
        assert client.api.config()["compute.targets"]

    def test_status_of_all_and_of_one(self, client: Client) -> None:
        names = set(client.resources.status())
        expected = {"perlmutter", "dtns", "globus", "spin", "archive", "global_homes", "community_filesystem"}
        assert expected <= names
        assert client.resources.status(Resource.spin).name == "spin"

    def test_outages(self, client: Client) -> None:
        by_resource = client.resources.outages()
        outages = [outage for each in by_resource.values() for outage in each]
        assert {OutageStatus.Completed, OutageStatus.Planned} <= {outage.status for outage in outages}
        planned = client.resources.planned_outages()
        assert [each.status for outages in planned.values() for each in outages] == [OutageStatus.Planned]
        name = next(iter(planned))
        assert client.resources.planned_outages(name)
        assert client.resources.outages(name)

    def test_notes(self, client: Client) -> None:
        (note,) = client.resources.notes("perlmutter")
        assert note.active
        assert "demonstration" in note.notes
        assert client.resources.notes() == {"perlmutter": [note]}

    def test_outages_of_a_machine(self, perlmutter: Any) -> None:
        (planned,) = perlmutter.planned_outages()
        assert planned in perlmutter.outages()
        assert planned.start_at.tzinfo is not None

    def test_unknown_resource(self, client: Client) -> None:
        with pytest.raises(HTTP_STATUS_ERRORS, match="404"):
            client.resources.status("nowhere")


class TestAccount:
    def test_user_projects_roles_clients(self, client: Client, first: str, second: str) -> None:
        user = client.user()
        assert (user.name, client.user(second).name) == (first, second)
        (project,) = user.projects()
        assert project.name == "m0001"
        assert project.hours_given - project.hours_used > 0
        assert user.roles()
        assert client._client_id in {each.clientId for each in user.clients()}

    def test_groups(self, client: Client, second: str) -> None:
        user = client.user()
        assert "g0001" in {group.name for group in user.groups()}
        group = user.projects()[0].create_group(f"t-{uuid4().hex[:6]}")
        group.add(second)
        assert second in {member.name for member in group.members}
        assert {member.user().name for member in group.members} >= {second}
        group.remove([second])
        group.update()
        assert second not in {member.name for member in group.members}
        assert client.group(group.name).gid == group.gid

    def test_bad_group_name(self, client: Client) -> None:
        with pytest.raises(HTTP_STATUS_ERRORS, match="422"):
            client.user().projects()[0].create_group("much-too-long-a-name")


class TestJobs:
    def test_submit_and_wait(self, perlmutter: Any, home: str) -> None:
        job = perlmutter.submit_job(HELLO)
        assert job.complete() == JobState.COMPLETED
        (output,) = perlmutter.ls(f"{home}/slurm-{job.jobid}.out")
        assert output.download().read() == f"hello from {job.jobid}\n"
        accounted = perlmutter.job(job.jobid, command=JobCommand.sacct)
        assert (accounted.state, accounted.account, accounted.qos) == (JobState.COMPLETED, "m0001", "debug")
        if accounted.admincomment:  # a site's own plugin writes it; plain Slurm has none
            assert json.loads(accounted.admincomment)["stdoutPath"] == str(output)

    def test_script_by_path_with_arguments(self, perlmutter: Any, home: str) -> None:
        (folder,) = perlmutter.ls(home, directory=True)
        script = folder / f"args-{uuid4().hex[:6]}.sh"
        script.upload(BytesIO(b'#!/bin/bash\necho "[$1] [$2]"\n'))
        job = perlmutter.submit_job(str(script), args=["one two", "$HOME"])
        job.complete()
        (output,) = perlmutter.ls(f"{home}/slurm-{job.jobid}.out")
        assert output.download().read() == "[one two] [$HOME]\n"

    def test_missing_script(self, perlmutter: Any) -> None:
        with pytest.raises(SfApiError, match="No such file"):
            perlmutter.submit_job("/nowhere/job.sh")

    def test_refused_script_returns_the_schedulers_words(self, perlmutter: Any) -> None:
        with pytest.raises(SfApiError) as refused:
            perlmutter.submit_job("#!/bin/bash\n#SBATCH --time=never\nhostname\n")
        assert "sbatch: error: " in refused.value.message

    def test_failing_job(self, perlmutter: Any) -> None:
        job = perlmutter.submit_job("#!/bin/bash\nexit 3\n")
        assert job.complete() == JobState.FAILED
        assert perlmutter.job(job.jobid).exitcode == "3:0"

    def test_cancel(self, perlmutter: Any) -> None:
        job = perlmutter.submit_job(SLEEPER)
        job.running()
        job.cancel(wait=True)
        assert job.state == JobState.CANCELLED

    def test_listings(self, perlmutter: Any, first: str) -> None:
        job = perlmutter.submit_job(SLEEPER)
        try:
            assert job.jobid in {each.jobid for each in perlmutter.jobs(user=first)}
            assert [each.jobid for each in perlmutter.jobs(jobids=[job.jobid])] == [job.jobid]
            assert perlmutter.jobs(user="nobody-here") == []
            assert perlmutter.jobs(user=first, partition="no-such-partition") == []
            assert perlmutter.job(job.jobid, command=JobCommand.squeue).work_dir
        finally:
            job.cancel()

    def test_unknown_job(self, perlmutter: Any) -> None:
        with pytest.raises(SfApiError, match="not found"):
            perlmutter.job(99999999)

    async def test_five_at_once(self, aclient: AsyncClient) -> None:
        machine = await aclient.compute(Machine.perlmutter)
        jobs = await asyncio.gather(*(machine.submit_job(HELLO) for _ in range(5)))
        assert len({job.jobid for job in jobs}) == 5
        assert await asyncio.gather(*(job.complete() for job in jobs)) == [JobState.COMPLETED] * 5


class TestFiles:
    def test_listing_of_a_directory(self, perlmutter: Any, home: str) -> None:
        (folder,) = perlmutter.ls(home, directory=True)
        (folder / "hello.txt").upload(BytesIO(b"hello"))
        names = {entry.name for entry in perlmutter.ls(home)}
        assert "hello.txt" in names
        assert not names & {".", ".."}
        assert folder.is_dir()

    def test_round_trip_of_bytes(self, perlmutter: Any, home: str) -> None:
        (folder,) = perlmutter.ls(home, directory=True)
        data = bytes(range(256)) * 4096
        remote = (folder / f"data {uuid4().hex[:6]}.bin").upload(BytesIO(data))
        assert remote.is_file()
        assert hashlib.sha256(remote.download(binary=True).read()).digest() == hashlib.sha256(data).digest()

    def test_open_for_writing_and_reading(self, perlmutter: Any, home: str) -> None:
        (folder,) = perlmutter.ls(home, directory=True)
        remote = folder / f"note-{uuid4().hex[:6]}.txt"
        with remote.open("wb") as file:
            file.write("grüße\n".encode())
        with remote.open("r") as file:
            assert file.read() == "grüße\n"

    def test_symbolic_links(self, perlmutter: Any, home: str, served: Any) -> None:
        folder = served.home(served.first)
        link = folder / f"link-{uuid4().hex[:6]}"
        link.symlink_to(folder / "anything")
        (remote,) = perlmutter.ls(str(link))
        assert remote.is_symlink()
        assert remote.name == str(link)
        assert str(link.name) in {entry.name for entry in perlmutter.ls(home)}

    def test_upload_through_a_linked_directory(self, perlmutter: Any, served: Any) -> None:
        folder = served.home(served.first)
        link = folder / f"dirlink-{uuid4().hex[:6]}"
        perlmutter.run(f"mkdir -p real && ln -s real {link}")
        (remote,) = perlmutter.ls(str(link), directory=True) or [None]
        (remote / "new.txt").upload(BytesIO(b"x"))
        assert (folder / "real" / "new.txt").read_bytes() == b"x"

    def test_missing_file(self, perlmutter: Any, home: str) -> None:
        with pytest.raises(SfApiError) as refused:
            perlmutter.ls(f"{home}/nothing here")
        assert "No such file or directory" in refused.value.message

    def test_directories_are_not_downloaded(self, perlmutter: Any, home: str) -> None:
        (folder,) = perlmutter.ls(home, directory=True)
        with pytest.raises(IsADirectoryError):
            folder.download()


class TestCommands:
    def test_output(self, perlmutter: Any, home: str) -> None:
        assert perlmutter.run("echo hello && pwd") == f"hello\n{home}\n"
        assert perlmutter.run(["echo", "one", "two"]) == "one two\n"

    def test_failure_raises_with_stderr(self, perlmutter: Any) -> None:
        with pytest.raises(SfApiError) as refused:
            perlmutter.run("cat /no/such/file")
        assert "No such file or directory" in refused.value.message

    def test_task_result(self, perlmutter: Any) -> None:
        task = perlmutter.run_task("echo out; exit 4")
        task._wait()
        assert (task.result.exit_code, task.result.output, task.result.status) == (4, "out\n", "error")

    def test_scheduler_programs_are_on_the_path(self, perlmutter: Any) -> None:
        assert perlmutter.run("cat > s.sh << 'EOF'\n#!/bin/bash\ntrue\nEOF\nsbatch s.sh").startswith(
            "Submitted batch job"
        )

    async def test_cancel_and_partial_output(self, aclient: AsyncClient) -> None:
        machine = await aclient.compute(Machine.perlmutter)
        task = await machine.run_task("echo started; sleep 100")
        async with asyncio.timeout(60):
            while task.result is None or not task.result.output:
                await asyncio.sleep(0.2)
                await task.update()
        assert task.result.output == "started\n"
        await task.cancel()
        await asyncio.wait_for(task._wait(), 60)
        assert task.status.name == "CANCELLED"


class TestTransfers:
    def test_to_the_archive(self, client: Client, perlmutter: Any, home: str, served: Any) -> None:
        (folder,) = perlmutter.ls(home, directory=True)
        (folder / "raw.txt").upload(BytesIO(b"raw data" * 1000))
        globus = client.storage.globus()
        transfer = globus.start_transfer("perlmutter", "hpss", f"{home}/raw.txt", f"/{served.first}/raw-copy.txt")
        transfer.complete()
        assert transfer.globus_status.value == "SUCCEEDED"
        assert transfer.bytes_transferred == 8000
        assert (served.archive(served.first) / "raw-copy.txt").read_bytes() == b"raw data" * 1000
        assert globus.transfer(transfer.transfer_id).globus_status.value == "SUCCEEDED"

    def test_unknown_transfer(self, client: Client) -> None:
        with pytest.raises(HTTP_STATUS_ERRORS, match="404"):
            client.storage.globus().transfer(str(uuid4()))


class TestAsync:
    async def test_model_case_in_small(self, aclient: AsyncClient, home: str) -> None:
        machine = await aclient.compute(Machine.perlmutter)
        (folder,) = await machine.ls(home, directory=True)
        raw = await (folder / "raw-async.bin").upload(BytesIO(b"0123456789"))
        job = await machine.submit_job(f"#!/bin/bash\nwc -c < {raw} > result.txt\n")
        assert await job.complete() == JobState.COMPLETED
        (result,) = await machine.ls(f"{home}/result.txt")
        assert (await result.download()).read().strip() == "10"

    async def test_meta_and_status(self, aclient: AsyncClient) -> None:
        assert await aclient.api.changelog()
        assert (await aclient.api.config())["compute.targets"] == "perlmutter"
        assert (await aclient.resources.status("perlmutter")).status is StatusValue.active
        assert {"perlmutter", "globus"} <= set(await aclient.resources.status())
        assert set(await aclient.resources.outages()) == {"perlmutter"}
        (planned,) = await aclient.resources.planned_outages("perlmutter")
        assert (await aclient.resources.planned_outages()) == {"perlmutter": [planned]}
        assert planned in await aclient.resources.outages("perlmutter")
        assert (await aclient.resources.notes()) == {"perlmutter": await aclient.resources.notes("perlmutter")}
        machine = await aclient.compute(Machine.perlmutter)
        assert await machine.planned_outages() == [planned]
        assert planned in await machine.outages()

    async def test_account(self, aclient: AsyncClient, first: str, second: str) -> None:
        user = await aclient.user()
        assert (user.name, (await aclient.user(second)).name) == (first, second)
        (project,) = await user.projects()
        assert [role.repo_name for role in await user.roles()] == [project.repo_name]
        assert aclient._client_id in {each.clientId for each in await user.clients()}
        assert "g0001" in {group.name for group in await user.groups()}
        group = await project.create_group(f"t-{uuid4().hex[:6]}")
        await group.add(second)
        assert {(await member.user()).name for member in group.members} == {first, second}
        await group.remove([second])
        await group.update()
        assert [member.name for member in (await aclient.group(group.name)).members] == [first]

    async def test_jobs_and_commands(self, aclient: AsyncClient, first: str) -> None:
        machine = await aclient.compute(Machine.perlmutter)
        job = await machine.submit_job(SLEEPER)
        assert await job.running() == JobState.RUNNING
        assert job.jobid in {each.jobid for each in await machine.jobs(user=first, partition="regular")}
        assert (await machine.job(job.jobid, command=JobCommand.squeue)).work_dir
        await job.cancel(wait=True)
        assert (await machine.job(job.jobid, command=JobCommand.sacct)).state == JobState.CANCELLED
        assert await machine.run("echo hello") == "hello\n"
        with pytest.raises(SfApiError, match="No such file"):
            await machine.run("cat /no/such/file")

    async def test_files_and_transfers(self, aclient: AsyncClient, home: str, served: Any) -> None:
        machine = await aclient.compute(Machine.perlmutter)
        (folder,) = await machine.ls(home, directory=True)
        assert await folder.is_dir()
        remote = folder / f"note-{uuid4().hex[:6]}.txt"
        async with remote.open("wb") as file:
            file.write(b"0123456789")
        await remote.update()
        assert (await remote.is_file(), await remote.is_symlink(), remote.size) == (True, False, 10)
        async with remote.open("r") as file:
            assert file.read() == "0123456789"
        assert remote.name in {entry.name for entry in await folder.ls()}
        with pytest.raises(SfApiError, match="No such file"):
            await machine.ls(f"{home}/nothing here")
        globus = await aclient.storage.globus()
        transfer = await globus.start_transfer("dtns", "hpss", str(remote), f"/{served.first}/{remote.name}")
        await transfer.complete()
        assert (await globus.transfer(transfer.transfer_id)).globus_status.value == "SUCCEEDED"
        assert (served.archive(served.first) / remote.name).read_bytes() == b"0123456789"

    async def test_own_objects_only(self, served: Any, aclient: AsyncClient) -> None:
        machine = await aclient.compute(Machine.perlmutter)
        task = await machine.run_task("true")
        other = AsyncClient(key=served.key(served.second), api_base_url=served.base_url, token_url=served.token_url)
        async with other:
            with pytest.raises(HTTP_STATUS_ERRORS, match="404"):
                await other.get(f"tasks/{task.id}")
