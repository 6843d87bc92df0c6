"""The test cluster is what the tests on it take for granted."""

import pytest

from superfacility.testing.clusters import SlurmCluster


def submit(cluster: SlurmCluster, user: str, *options: str, script: str = "#!/bin/sh\nid -un\n") -> str:
    done = cluster.as_user(user, "sbatch", "--parsable", "-o", "out-%j", *options, stdin=script)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_job_runs_as_the_one_who_submitted_it(cluster: SlurmCluster) -> None:
    job = submit(cluster, "alice", "-C", "cpu", "-q", "debug", "-A", "m0001")
    assert cluster.wait_until_ended(job) == "COMPLETED"
    assert (cluster.home("alice") / f"out-{job}").read_text().strip() == cluster.users["alice"].name


def test_nobody_touches_another_ones_job_or_home(cluster: SlurmCluster) -> None:
    job = submit(cluster, "alice", "--hold")
    assert "denied" in cluster.as_user("bob", "scancel", job).stderr
    assert cluster.as_user("bob", "ls", str(cluster.home("alice"))).returncode
    assert cluster.as_user("alice", "scancel", job).returncode == 0


def test_a_project_is_for_its_members(cluster: SlurmCluster) -> None:
    refused = cluster.as_user("carol", "sbatch", "-A", "m0001", "--wrap", "true")
    assert refused.returncode
    assert "account" in refused.stderr


def test_the_service_account_sees_all_and_submits_nothing(cluster: SlurmCluster) -> None:
    job = submit(cluster, "carol", "--hold")
    assert cluster.as_user("sfgate", "squeue", "-h", "-j", job, "-o", "%u").stdout.strip()
    assert cluster.as_user("sfgate", "sbatch", "--wrap", "true").returncode
    assert cluster.as_user("sfgate", "scancel", job).returncode == 0


@pytest.mark.parametrize("daemon", ["slurmctld", "slurmrestd"])
def test_a_daemon_that_was_killed_is_started_again(cluster: SlurmCluster, daemon: str) -> None:
    before = cluster.pid(daemon)
    cluster.kill(daemon)
    assert cluster.pid(daemon) is None
    cluster.start(daemon)
    assert cluster.pid(daemon) not in {None, before}


def test_a_paused_daemon_is_silent_until_it_is_resumed(cluster: SlurmCluster) -> None:
    cluster.pause("slurmctld")
    assert cluster.root("timeout", "1", "scontrol", "ping").returncode == 124
    cluster.resume("slurmctld")
    assert "UP" in cluster.root("scontrol", "ping").stdout
