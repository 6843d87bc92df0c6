"""Every command of a user as a process against a served facility: what it prints, and its exit codes."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from superfacility.cli.user.description.schemas import ERROR, every_schema

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0
SCHEMAS = dict(every_schema())
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(served: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody who has logged in with a red key."""
    folder = tmp_path_factory.mktemp("superfacility")
    key = served.key("demo1", suffix=".pem").rename(folder / "laptop.pem")
    done = process(folder, "login", served.base_url, "--facility", "demo", "--key", str(key))
    assert done.returncode == 0, done.stderr
    return folder


def process(home: Path, *words: str, stdin: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SFAPI_")}
    return subprocess.run(
        [SFAPI, *words],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=DEADLINE,
        check=False,
        env={**clean, "SFAPI_HOME": str(home), **variables},
    )


@pytest.fixture
def run(home: Path) -> Run:
    return lambda *words, **more: process(home, *words, **more)


def told(done: subprocess.CompletedProcess[str], command: str) -> Any:
    """The document of a command that succeeded, checked against its schema."""
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMAS[command])
    return document


def refused(done: subprocess.CompletedProcess[str], code: int, kind: str) -> dict[str, Any]:
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    document = json.loads(done.stderr.splitlines()[-1])
    jsonschema.validate(document, ERROR)
    error: dict[str, Any] = document["error"]
    assert (error["kind"], error["exit_code"]) == (kind, code)
    return error


def submitted(run: Run, body: str, *words: str) -> str:
    done = run("submit", "--parsable", *words, stdin=f"#!/bin/sh\n{body}\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().isdecimal()
    return done.stdout.strip()


def eventually(question: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not question():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_who_and_where(run: Run, served: Any) -> None:
    who = told(run("whoami", "--json"), "whoami")["identity"]
    assert (who["account"]["name"], who["level"], who["url"]) == ("demo1", "red", served.base_url)
    assert told(run("balance", "--json"), "balance")["projects"][0]["name"] == "m0001"
    assert told(run("balance", "m0001", "--json"), "balance")["projects"]
    assert run("balance", "nosuch").returncode == 4


def test_status_and_outages_need_no_login(served: Any, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return process(tmp_path, *words, "--facility", served.base_url)

    names = [each["name"] for each in told(run("status", "--json"), "status")["resources"]]
    assert "perlmutter" in names
    one = told(run("status", "perlmutter", "--json"), "status")
    assert one["resource"]["state"] == "active"
    assert one["planned_outages"]
    every, planned = (told(run("outages", "--json", *more), "outages")["outages"] for more in ([], ["--planned"]))
    assert {each["state"] for each in planned} == {"Planned"}
    assert len(every) > len(planned)
    assert told(run("outages", "dtns", "--json"), "outages")["outages"] == []


def test_a_script_is_submitted_and_waited_for(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\n#SBATCH --job-name=sevens\n#SBATCH --time=5\necho out\necho err >&2\nexit 7\n")
    done = run("submit", str(script), "--wait")
    assert done.returncode == 7
    assert done.stdout.startswith("Submitted batch job ")
    assert "FAILED" in done.stderr
    job_id = done.stdout.split()[-1]
    shown = told(run("show", job_id, "--json"), "show")
    assert [(job["name"], job["state"], job["exit_code"]) for job in shown["jobs"]] == [("sevens", "FAILED", 7)]
    assert shown["files"]["stdout"].endswith(f"slurm-{job_id}.out")
    ended = told(run("jobs", "--ended", "--json"), "jobs")["jobs"]
    assert job_id in {job["id"] for job in ended}
    assert run("show", f"perlmutter:{job_id}").stdout.startswith(f"job\t{job_id}\n")
    waited = run("submit", str(script), "--wait", "--json")
    assert waited.returncode == 7
    document = json.loads(waited.stdout)
    jsonschema.validate(document, SCHEMAS["submit"])
    assert document["submission"]["jobs"][0]["exit_code"] == 7


@pytest.mark.parametrize(("body", "code"), [("exit 0", 0), ("kill -9 $$", 137)])
def test_the_exit_code_of_a_job_is_that_of_a_shell(run: Run, body: str, code: int) -> None:
    done = run("submit", "--wait", "--parsable", stdin=f"#!/bin/sh\n{body}\n")
    assert done.returncode == code
    assert done.stdout.strip().isdecimal()


def test_a_script_of_the_system_with_arguments(run: Run, served: Any) -> None:
    script = served.home("demo1") / "of-system.sh"
    script.write_text('#!/bin/sh\necho "got $1 and $2"\n')
    done = run("submit", f"perlmutter:{script}", "one", "two words", "--wait", "--parsable")
    assert done.returncode == 0, done.stderr
    printed = run("logs", done.stdout.strip())
    assert (printed.returncode, printed.stdout) == (0, "got one and two words\n")
    assert refused(run("submit", "x.sh", "argument", "--json"), 2, "configuration")


def test_the_same_key_is_the_same_job(run: Run) -> None:
    first = submitted(run, "sleep 0", "--idempotency-key", "once")
    assert submitted(run, "sleep 0", "--idempotency-key", "once") == first


def test_what_a_job_prints_is_followed(run: Run) -> None:
    job_id = submitted(run, "echo one; sleep 1; echo two; echo wrong >&2")
    done = run("logs", "-f", job_id)
    assert done.returncode == 0
    assert done.stdout.startswith("one\ntwo\n")
    assert run("logs", job_id, "-c", "4").stdout == done.stdout[-4:]
    assert run("logs", "99999999").returncode == 4


def test_jobs_are_held_released_and_cancelled(run: Run, served: Any) -> None:
    gate = served.directory / "gate"
    first = submitted(run, f"while ! test -e {gate}; do sleep 0.1; done")
    second = submitted(run, "exit 0", "--system", "perlmutter")
    held = run("hold", second, "--json")
    if held.returncode == 0:  # it had not begun yet
        assert told(held, "hold")["outcomes"] == [{"job_id": second, "system": "perlmutter", "error": ""}]
        assert told(run("release", second, "--json"), "release")
    done = run("cancel", first, "99999999", "--json")
    assert done.returncode == 4
    outcomes = json.loads(done.stdout)["outcomes"]
    jsonschema.validate({"outcomes": outcomes}, SCHEMAS["cancel"])
    assert [bool(each["error"]) for each in outcomes] == [False, True]
    told_in_words = run("cancel", "99999999")
    assert (told_in_words.returncode, told_in_words.stdout) == (4, "")
    assert "99999999" in told_in_words.stderr
    eventually(lambda: told(run("show", first, "--json"), "show")["jobs"][0]["state"] == "CANCELLED")


def test_commands_run_with_their_own_exit_code(run: Run) -> None:
    done = run("run", "echo out; echo err >&2; exit 9")
    assert (done.returncode, done.stdout, done.stderr) == (9, "out\n", "err\n")
    assert run("run", "--", "echo", "a  b", "$HOME").stdout == "a  b $HOME\n"
    document = told(run("run", "--json", "--", "true"), "run")
    assert document["command"] == {"output": "", "error": "", "exit_code": 0}
    assert run("run").returncode == 2


def test_files_are_copied_whole(run: Run, served: Any, tmp_path: Path) -> None:
    here, there = tmp_path / "a b.bin", served.home("demo1") / "a b.bin"
    here.write_bytes(os.urandom(3_000_001))
    sent = told(run("cp", "--json", str(here), f"perlmutter:{there}"), "cp")["copies"][0]
    assert (sent["size"], sent["compared"]) == (3_000_001, True)
    assert there.read_bytes() == here.read_bytes()
    back = run("cp", "perlmutter:a b.bin", str(tmp_path / "back.bin"))
    assert back.returncode == 0, back.stderr
    assert back.stdout == f"{sent['sha256']}  {tmp_path / 'back.bin'}\n"
    assert (tmp_path / "back.bin").read_bytes() == here.read_bytes()
    assert run("cat", f"perlmutter:{there}").returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a b.bin", "back.bin"]
    assert run("cp", "perlmutter:nosuch", str(tmp_path / "x")).returncode == 4
    assert run("cp", str(tmp_path / "nosuch"), "perlmutter:x").returncode == 1
    assert run("cp", str(here), str(tmp_path / "x")).returncode == 2
    assert not (tmp_path / "x").exists()


def test_folders_are_copied_with_all_that_is_in_them(run: Run, served: Any, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "one").write_text("1")
    (tree / "inner" / "two").write_text("2")
    assert run("cp", str(tree), "perlmutter:").returncode == 2
    done = told(run("cp", "-r", "--json", str(tree), f"perlmutter:{served.home('demo1')}/"), "cp")
    assert len(done["copies"]) == 2
    assert (served.home("demo1") / "tree" / "inner" / "two").read_text() == "2"
    back = run("cp", "-r", f"perlmutter:{served.home('demo1')}/tree", str(tmp_path / "again"))
    assert back.returncode == 0, back.stderr
    assert (tmp_path / "again" / "inner" / "two").read_text() == "2"


def test_files_are_listed(run: Run, served: Any) -> None:
    (served.home("demo1") / "bell\x07.txt").write_text("x")
    document = told(run("ls", "--json"), "ls")
    assert document["path"] == str(served.home("demo1"))
    names = {each["name"] for each in document["entries"]}
    assert "hello.sh" in names
    assert not any(name.startswith(".") for name in names)
    listed = run("ls")
    assert "hello.sh\n" in listed.stdout
    assert "\x07" not in listed.stdout
    assert "bell\\x07.txt\n" in listed.stdout
    assert "PERMISSIONS\t" in run("ls", "-l", f"perlmutter:{served.home('demo1')}").stdout
    assert run("ls", "perlmutter:/nosuch").returncode == 4


def test_transfers(run: Run, served: Any) -> None:
    (served.home("demo1") / "result.h5").write_bytes(b"x" * 1000)
    source, target = f"dtn:{served.home('demo1')}/result.h5", "hpss:/demo1/result.h5"
    done = told(run("transfer", source, target, "--wait", "--json"), "transfer")["transfer"]
    assert (done["state"], done["bytes_transferred"]) == ("SUCCEEDED", 1000)
    assert run("transfer", done["id"]).stdout.startswith("transfer\t")
    assert run("transfer", "nosuch").returncode == 4
    assert run("transfer", "/a", "hpss:/b").returncode == 2


def test_tasks(run: Run) -> None:
    run("run", "true")
    listed = told(run("tasks", "--json", "--limit", "3"), "tasks list")["tasks"]
    assert 0 < len(listed) <= 3
    one = listed[0]["id"]
    assert told(run("tasks", "show", one, "--json"), "tasks show")["task"]["state"] == "completed"
    assert told(run("tasks", "wait", one, "--json"), "tasks wait")
    assert told(run("tasks", "cancel", one, "--json"), "tasks cancel")["task"]["state"] == "completed"
    assert run("tasks", "show", "99999999").returncode == 4


def test_reservations(run: Run) -> None:
    times = ["--start", "2030-06-01T08:00:00+00:00", "--end", "2030-06-01T20:00:00+00:00"]
    made = told(run("reservations", "create", "beamtime", *times, "--cores", "1", "--json"), "reservations create")
    assert made["reservation"]["users"] == ["demo1"]
    changed = run("reservations", "change", "beamtime", "--end", "2030-06-01T21:00:00+00:00", "--json")
    assert told(changed, "reservations change")["reservation"]["end"].startswith("2030-06-01T21:00")
    changed = run("reservations", "change", "beamtime", "--users", "", "--projects", "m0001", "--json")
    holders = told(changed, "reservations change")["reservation"]
    assert (holders["users"], holders["projects"], holders["cores"]) == ([], ["m0001"], 1)
    assert told(run("reservations", "--json"), "reservations list")["reservations"][0]["name"] == "beamtime"
    assert told(run("reservations", "show", "beamtime", "--json"), "reservations show")
    assert run("reservations", "create", "x").returncode == 2
    assert told(run("reservations", "delete", "beamtime", "--json"), "reservations delete") == {"deleted": "beamtime"}
    assert run("reservations", "show", "beamtime").returncode == 4


def test_clients_are_listed(run: Run) -> None:
    assert told(run("clients", "--json"), "clients list")["clients"][0]["id"]


def test_the_doctor_looks_at_everything(run: Run, home: Path) -> None:
    checks = told(run("doctor", "--json"), "doctor")["checks"]
    found = {check["name"]: check["state"] for check in checks}
    assert {"configuration", "key", "facility", "clock", "login", "client", "address"} <= found.keys()
    assert "problem" not in found.values()
    loose = home / "loose.pem"
    loose.write_text("x")
    loose.chmod(0o644)
    try:
        done = run("doctor")
    finally:
        loose.unlink()
    assert done.returncode == 1
    assert f"chmod 600 {loose}" in done.stdout


def test_exit_codes_of_what_goes_wrong(run: Run, served: Any, home: Path, tmp_path: Path) -> None:
    assert run("jobs", "--nosuch").returncode == 2
    assert run("nosuch").returncode == 2
    assert refused(process(tmp_path, "jobs", "--json"), 2, "configuration")["message"].endswith("https://ADDRESS")
    at = ["--facility", served.base_url, "--json"]
    error = refused(process(tmp_path, "whoami", *at), 3, "not_authenticated")
    assert "sfapi login" in error["next"]
    assert error["request_id"]
    yellow = served.key("demo1", "yellow", suffix=".pem")
    weak = process(tmp_path, "submit", "--system", "perlmutter", *at, stdin="#!/bin/sh\n", SFAPI_KEY=str(yellow))
    assert "red" in refused(weak, 3, "not_permitted")["message"]
    elsewhere = served.key("demo1", "red", suffix=".pem", ip="192.0.2.0/24")
    assert (
        "127.0.0.1"
        in refused(process(tmp_path, "whoami", *at, SFAPI_KEY=str(elsewhere)), 3, "not_authenticated")["message"]
    )
    assert refused(run("jobs", "--system", "nosuch", "--json"), 4, "not_found")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        away = process(tmp_path, "status", "--facility", address, "--json")
    assert "cannot be reached" in refused(away, 5, "unavailable")["message"]


def test_what_takes_too_long_is_left_alone(run: Run) -> None:
    done = run("submit", "--wait", "--parsable", "--timeout", "1s", stdin="#!/bin/sh\nsleep 600\n")
    job_id = done.stdout.strip()
    assert done.returncode == 6
    assert f"sfapi show {job_id}" in done.stderr
    assert told(run("show", job_id, "--json"), "show")["jobs"][0]["state"] in {"RUNNING", "PENDING"}
    assert run("cancel", job_id).returncode == 0


def test_pipes_get_plain_lines(run: Run) -> None:
    done = run("status")
    head, *rows = done.stdout.splitlines()
    assert head.split("\t") == ["NAME", "STATE", "WHAT", "DESCRIPTION"]
    assert {len(row.split("\t")) for row in rows} == {4}
    assert "\x1b" not in done.stdout + done.stderr


def test_a_reader_that_goes_is_no_error_to_shout_about(home: Path) -> None:
    env = {**os.environ, "SFAPI_HOME": str(home)}
    pipe = subprocess.run(f"{SFAPI} outages | true", shell=True, capture_output=True, text=True, env=env, check=False)
    assert pipe.stderr == ""


def test_the_next_command_uses_the_token_of_the_last(run: Run, home: Path) -> None:
    assert run("whoami").returncode == 0
    [file] = (home / ".tokens").glob("*.json")
    before = file.read_bytes()
    assert run("whoami").returncode == 0
    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600


def test_help_names_every_command(run: Run) -> None:
    overview = run("--help").stdout
    assert all(f"\n  {name.split()[0]} " in overview for name in SCHEMAS)
    assert all(name in overview for name in ("serve", "admin", "audit"))
    assert "--follow" in run("logs", "--help").stdout
    assert "revoke" in run("clients", "--help").stdout


def test_a_job_on_a_real_slurm(slurm_facility: Any, tmp_path: Path) -> None:
    key = slurm_facility.key(suffix=".pem").rename(tmp_path / "laptop.pem")
    logged_in = process(tmp_path, "login", slurm_facility.base_url, "--key", str(key))
    assert logged_in.returncode == 0, logged_in.stderr

    def run(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return process(tmp_path, *words, **more)

    script = "#!/bin/sh\n#SBATCH --time=2\n#SBATCH --job-name=sevens\necho here\nexit 7\n"
    done = run("submit", "--wait", "--parsable", stdin=script)
    assert done.returncode == 7, done.stderr
    job_id = done.stdout.strip()
    assert run("logs", "-f", job_id).stdout == "here\n"
    shown = told(run("show", job_id, "--json"), "show")["jobs"]
    assert [(job["name"], job["state"], job["exit_code"]) for job in shown] == [("sevens", "FAILED", 7)]
    other = submitted(run, "sleep 600", "--timeout", "1m")
    told(run("jobs", "--json"), "jobs")
    assert run("cancel", other).returncode == 0
    eventually(lambda: told(run("show", other, "--json"), "show")["jobs"][0]["state"] == "CANCELLED")
    assert run("cancel", "99999999").returncode == 4
