"""A client that is bound to a project: its jobs, files and transfers are that project's, and no more."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.jobs import JobState
from superfacility.facility.people import Project, ProjectName, Role, UserName
from superfacility.oauth.scopes import BOUND_SCOPES, SCOPES, Scope
from superfacility.testing.tokens import key_pair

PUBLIC = key_pair("ES256")[1]
FORM = {"name": "camera", "level": "red", "ranges": ["mine"], "public_key": PUBLIC, "project": "m0001"}
ME = "red:demo1:login"
SECRET = b"of another project"


@pytest.fixture
async def bound(site):
    """A token of a bound client; the user has another project, with files in it and links that lead there."""
    await site.people.save_project(Project(2, ProjectName("m0002"), "Another"), site.audit(), new=True)
    await site.people.set_membership(ProjectName("m0002"), UserName("demo1"), Role.PI, site.audit())
    site.transport.roots = ("/home", "/project")
    site.transport.add_folder("/project")
    site.transport.add_file("/project/m0001/data/in", b"ours")
    site.transport.add_file("/project/m0001x/in", SECRET)
    site.transport.add_file("/project/m0002/in", SECRET)
    site.transport.add_file("/home/demo1/in", SECRET)
    site.transport.add_link("/project/m0001/away", "/project/m0002")
    site.transport.add_link("/project/m0001/file", "/home/demo1/in")
    site.transport.add_link("/home/demo1/ours", "/project/m0001/data")
    made = await site.call("POST", "/account/clients", ME, json=FORM)
    assert made.status_code == 201, made.text
    return f"client:{made.json()['id']}"


INSIDE = ["/project/m0001/data/in", "/home/demo1/ours/in", "/project/m0002/../m0001/data/in"]
OUTSIDE = [
    "/project/m0002/in",
    "/project/m0001x/in",
    "/home/demo1/in",
    "/project/m0001/away/in",
    "/project/m0001/file",
    "/project/m0001/../m0002/in",
    "/project/m0002/missing",
    "/nowhere/at/all",
]


@pytest.mark.parametrize("path", INSIDE)
async def test_files_of_the_project_are_reached(site, bound, path):
    assert (await site.get(f"/utilities/download/perlmutter/{path}", bound)).json()["file"] == "ours"
    assert (await site.get(f"/utilities/ls/perlmutter/{path}", bound)).json()["status"] == "OK"
    sent = await site.call("PUT", f"/utilities/upload/perlmutter/{path}", bound, files={"file": b"new"})
    assert sent.json()["status"] == "OK", sent.text
    assert site.transport.nodes["/project/m0001/data/in"].data == b"new"


@pytest.mark.parametrize("path", OUTSIDE)
async def test_nothing_else_is_reached_by_names_or_links(site, bound, path):
    before = {name: node.data for name, node in site.transport.nodes.items()}
    asked = [
        await site.get(f"/utilities/download/perlmutter/{path}", bound),
        await site.get(f"/utilities/ls/perlmutter/{path}", bound),
        await site.call("PUT", f"/utilities/upload/perlmutter/{path}", bound, files={"file": b"new"}),
    ]
    for answer in asked:
        assert answer.status_code == 403 or answer.json()["status"] == "ERROR", answer.text
        assert SECRET.decode() not in answer.text
        assert "is bound" in answer.text
    told = await outcome(site, bound, job=path, isPath="true")
    assert (told["status"], told["jobid"]) == ("error", None)
    assert "is bound" in told["error"]
    assert SECRET.decode() not in told["error"]
    assert not site.scheduler.jobs
    assert {name: node.data for name, node in site.transport.nodes.items()} == before


async def test_what_is_missing_in_the_project_is_told_in_the_usual_words(site, bound):
    answer = await site.get("/utilities/ls/perlmutter//project/m0001/missing", bound)
    assert answer.json()["status"] == "ERROR"
    assert "No such file or directory" in answer.json()["error"]
    sent = await site.call("PUT", "/utilities/upload/perlmutter//project/m0001/new", bound, files={"file": b"new"})
    assert sent.json()["status"] == "OK"


@pytest.mark.parametrize(
    ("source", "target", "status"),
    [
        ("/project/m0001/data", "/project/m0001/copy", "SUCCEEDED"),
        ("/project/m0002", "/project/m0001/copy", None),
        ("/project/m0001/away", "/project/m0001/copy", None),
        ("/project/m0001/data", "/project/m0002/copy", "FAILED"),
        ("/project/m0001/data", "/home/demo1/copy", "FAILED"),
        ("/project/m0001/data", "/project/m0001/away/copy", "FAILED"),
    ],
)
async def test_transfers_stay_in_the_project(site, bound, source, target, status):
    form = {"source_uuid": "dtn", "target_uuid": "dtn", "source_dir": source, "target_dir": target}
    started = await site.call("POST", "/storage/globus/transfer", bound, data=form)
    if status is None:
        assert "bound" in started.text
        return
    transfer = started.json()["transfer_id"]
    async with site.working():
        for task in list(site.memory.tasks):
            await site.result(task, bound)
    told = (await site.get(f"/storage/globus/transfer/{transfer}", bound)).json()
    assert told["globus_status"] == status
    copied = [name for name in site.transport.nodes if "/copy" in name]
    assert bool(copied) is (status == "SUCCEEDED")


async def test_links_within_a_transferred_tree_do_not_lead_away(site, bound):
    site.transport.add_link("/project/m0001/data/link", "/project/m0002/in")
    form = {
        "source_uuid": "dtn",
        "target_uuid": "dtn",
        "source_dir": "/project/m0001/data",
        "target_dir": "/project/m0001/copy",
    }
    assert (await site.call("POST", "/storage/globus/transfer", bound, data=form)).status_code == 200
    async with site.working():
        for task in list(site.memory.tasks):
            await site.result(task, bound)
    assert all(node.data != SECRET for name, node in site.transport.nodes.items() if "/copy" in name)


async def test_named_endpoints_may_need_a_flag(site, bound):
    object.__setattr__(site.services.storage, "asks_for_globus", True)
    form = {
        "source_uuid": "dtn",
        "target_uuid": "dtn",
        "source_dir": "/project/m0001/data",
        "target_dir": "/project/m0001/copy",
    }
    refused = await site.call("POST", "/storage/globus/transfer", bound, data=form)
    assert "globus" in refused.text
    assert site.memory.tasks == {}
    made = (await site.call("POST", "/account/clients", ME, json=FORM | {"globus": True})).json()
    for token in (f"client:{made['id']}", ME):
        assert (await site.call("POST", "/storage/globus/transfer", token, data=form)).json()["transfer_id"]


async def test_a_bound_client_runs_no_commands_and_changes_nothing_of_the_facility(site, bound):
    for method, path, body in (
        ("POST", "/utilities/command/perlmutter", {"executable": "cat /project/m0002/in"}),
        ("POST", "/reservations/perlmutter", {"name": "r"}),
        ("POST", "/account/groups", {"name": "g", "repo_name": "m0002"}),
    ):
        assert (await site.call(method, path, bound, data=body)).status_code == 403
    form = {"name": "Gateway", "level": "yellow", "redirect_uris": ["https://gateway.example/cb"]}
    assert (await site.call("POST", "/account/applications", bound, json=form)).status_code == 403
    assert (await site.get("/callbacks", bound)).status_code == 403
    assert (await site.get("/callbacks/secret", bound)).status_code == 403


def test_new_scopes_are_not_of_bound_clients_unless_somebody_says_so():
    assert set(SCOPES) >= BOUND_SCOPES
    assert not BOUND_SCOPES & {Scope.COMMANDS_WRITE, Scope.RESERVATIONS_WRITE, Scope.APPLICATIONS_WRITE}


async def test_scopes_that_know_no_projects_are_refused(site, bound):
    answer = await site.call("POST", "/account/clients", ME, json=FORM | {"scopes": ["utilities.commands:write"]})
    assert "knows no projects" in answer.text
    client_id = bound.partition(":")[2]
    change = {"scopes": ["utilities.commands:write"]}
    assert (await site.call("PATCH", f"/account/clients/{client_id}", ME, json=change)).status_code == 422
    client = site.memory.clients[client_id]
    site.memory.clients[client_id] = replace(client, scopes=client.scopes | {Scope.COMMANDS_WRITE})
    form = {"executable": "true"}
    assert (await site.call("POST", "/utilities/command/perlmutter", bound, data=form)).status_code == 403


# jobs


async def submit(site, token, **form):
    return await site.call("POST", "/compute/jobs/perlmutter", token, data=form)


async def outcome(site, token, **form):
    """What the task of a submission tells in the end."""
    accepted = (await submit(site, token, **form)).json()
    assert accepted["status"] == "OK", accepted
    async with site.working():
        task = await site.result(accepted["task_id"], token)
    return json.loads(task["result"])


async def test_a_job_is_charged_to_the_project_whatever_it_says(site, bound):
    script = "#!/bin/sh\n#SBATCH --account=m0002\ntrue\n"
    task = (await submit(site, bound, job=script, isPath="false")).json()["task_id"]
    async with site.working():
        await site.result(task, bound)
    (job,) = site.scheduler.jobs.values()
    assert job.project == "m0001"


@pytest.mark.parametrize("word", [" hetjob", " packjob", "\thetjob", "hetjob", " HetJob"])
async def test_parts_with_accounts_of_their_own_are_refused(site, bound, word):
    script = f"#!/bin/sh\n#SBATCH -N1\n#SBATCH{word}\n#SBATCH --account=m0002\ntrue\n"
    site.transport.add_file("/project/m0001/job.sh", script.encode())
    assert "heterogeneous" in (await submit(site, bound, job=script, isPath="false")).text
    assert site.memory.tasks == {}
    told = await outcome(site, bound, job="/project/m0001/job.sh", isPath="true")
    assert told["status"] == "error"
    assert "heterogeneous" in told["error"]
    assert not site.scheduler.jobs


async def test_a_script_is_one_of_the_project(site, bound):
    site.transport.add_file("/project/m0001/job.sh", b"#!/bin/sh\n#SBATCH --account=m0002\n")
    assert "absolute path" in (await submit(site, bound, job="job.sh", isPath="true")).text
    told = await outcome(site, bound, job="/project/m0001/job.sh", isPath="true")
    (job,) = site.scheduler.jobs.values()
    assert told == {"status": "ok", "jobid": job.id, "error": None}
    assert job.project == "m0001"


async def test_what_cannot_be_read_is_told_in_the_usual_words(site, bound):
    site.transport.add_special("/project/m0001/fifo")
    for path, words in (
        ("/project/m0001/missing.sh", "cannot statx '/project/m0001/missing.sh': No such file or directory"),
        ("/project/m0001/data", "Is a directory"),
        ("/project/m0001/fifo", "/project/m0001/fifo"),
    ):
        told = await outcome(site, bound, job=path, isPath="true")
        assert told["status"] == "error"
        assert words in told["error"]
    assert not site.scheduler.jobs


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "run-1"}])
async def test_a_login_node_that_is_silent_keeps_nobody_waiting(site, bound, key):
    """Programs send a request again that is not answered within seconds, and without a key that is a second job."""
    site.transport.add_file("/project/m0001/job.sh", b"#!/bin/sh\n")
    site.transport.faults.silent_until = answers = asyncio.Event()
    form = {"job": "/project/m0001/job.sh", "isPath": "true"}
    async with site.working():
        async with asyncio.timeout(5):
            sent = [
                await site.call("POST", "/compute/jobs/perlmutter", bound, data=form, headers=key) for _ in range(2)
            ]
        assert [each.json()["status"] for each in sent] == ["OK", "OK"]
        tasks = {each.json()["task_id"] for each in sent}
        assert len(tasks) == (1 if key else 2)
        assert not site.scheduler.jobs
        answers.set()
        for task in tasks:
            assert json.loads((await site.result(task, bound))["result"])["status"] == "ok"
    assert len(site.scheduler.jobs) == len(tasks)
    assert {job.project for job in site.scheduler.jobs.values()} == {"m0001"}


async def test_jobs_of_other_projects_are_neither_seen_nor_touched(site, bound):
    site.scheduler.add("1", project=ProjectName("m0001"))
    site.scheduler.add("2", project=ProjectName("m0002"))
    site.scheduler.add("3")
    site.scheduler.add("4", user="demo2", project=ProjectName("m0001"))
    for sacct in ("false", "true"):
        rows = (await site.get("/compute/jobs/perlmutter", bound, params={"sacct": sacct})).json()["output"]
        assert {row["jobid"] for row in rows} == {"1", "4"}
    assert len((await site.get("/compute/jobs/perlmutter/1", bound)).json()["output"]) == 1
    assert (await site.get("/compute/jobs/perlmutter/2", bound)).json()["output"] == []
    for job_id in ("2", "3", "99"):
        answer = await site.call("DELETE", f"/compute/jobs/perlmutter/{job_id}", bound)
        assert "no job" in answer.text, answer.text
    assert site.memory.tasks == {}
    assert (await site.call("DELETE", "/compute/jobs/perlmutter/1", bound)).status_code == 200
    async with site.working():
        for task in list(site.memory.tasks):
            await site.result(task, bound)
    assert site.scheduler.jobs["1"].state is JobState.CANCELLED
    assert site.scheduler.jobs["2"].state is JobState.RUNNING


async def test_it_sees_what_it_has_begun_itself_and_no_more(site, bound):
    others = (await submit(site, ME, job="#!/bin/sh\n", isPath="false")).json()["task_id"]
    own = (await submit(site, bound, job="#!/bin/sh\n", isPath="false")).json()["task_id"]
    assert [task["id"] for task in (await site.get("/tasks", bound)).json()["tasks"]] == [own]
    assert (await site.get(f"/tasks/{others}", bound)).status_code == 404
    assert (await site.call("DELETE", f"/tasks/{others}", bound)).status_code == 404
    assert [role["repo_name"] for role in (await site.get("/account/roles", bound)).json()] == ["m0001"]
    assert (await site.get("/account/projects/m0002/jobs", bound)).status_code == 404


async def test_a_job_that_is_not_listed_yet_may_be_cancelled(site, bound):
    site.scheduler.lists_new = False
    task = (await submit(site, bound, job="#!/bin/sh\n", isPath="false")).json()["task_id"]
    async with site.working():
        await site.result(task, bound)
    (job_id,) = site.scheduler.intents.values()
    rows = (await site.get("/compute/jobs/perlmutter", bound)).json()["output"]
    assert [row["jobid"] for row in rows] == [job_id]
    assert (await site.call("DELETE", f"/compute/jobs/perlmutter/{job_id}", bound)).status_code == 200
    site.clock.advance(timedelta(minutes=1))
