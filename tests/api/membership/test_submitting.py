"""Who submits for a project is one of its members when the job is made, not only when it was asked for."""

import json

P = "/projects/m0001"
SCRIPT = "#!/bin/sh\n#SBATCH -q debug {}\necho hello\n"


async def submitted(team, who, account):
    form = {"job": SCRIPT.format(account), "isPath": "false"}
    answer = await team.site.call("POST", "/compute/jobs/perlmutter", f"red:{who}", data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()["task_id"]


async def outcome(team, task, who):
    async with team.site.working():
        task = await team.site.result(task, f"red:{who}")
    return json.loads(task["result"])


async def test_for_members_alone(team):
    assert (await outcome(team, await submitted(team, "user", "-A m0001"), "user"))["status"] == "ok"
    for spelled in ("-A m0001", "--account=m0001", "-Am0001", "--account m0001", "-A m0002 -A m0001"):
        refused = await outcome(team, await submitted(team, "newcomer", spelled), "newcomer")
        assert (refused["status"], refused["jobid"]) == ("error", None)
        assert "no member of the project m0001" in refused["error"]
    assert len(team.site.scheduler.intents) == 1


async def test_an_account_that_is_no_project_is_for_the_scheduler_to_judge(team):
    for spelled in ("-A elsewhere", ""):
        assert (await outcome(team, await submitted(team, "newcomer", spelled), "newcomer"))["status"] == "ok"


async def test_what_waited_while_its_owner_was_removed_makes_no_job(team):
    waiting = await submitted(team, "user", "-A m0001")
    await team.made("DELETE", f"{P}/members/user", "demo1")
    refused = await outcome(team, waiting, "user")
    assert refused["status"] == "error"
    assert "no member of the project m0001" in refused["error"]
    assert team.site.scheduler.intents == {}


async def test_a_closed_project_takes_no_jobs(team):
    waiting = await submitted(team, "user", "-A m0001")
    await team.site.services.people.change_project("m0001", "operator:test", active=False)
    assert (await outcome(team, waiting, "user"))["status"] == "error"
