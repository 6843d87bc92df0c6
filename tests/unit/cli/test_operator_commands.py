"""The operator's commands on a real installation, run in this process: what they make, refuse, print and return."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from superfacility.cli.main import main
from superfacility.oauth.keys import generate_key_pair


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `sfapi` with these arguments."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = 0
        try:
            main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demonstration facility that tests may add to."""
    directory = tmp_path_factory.mktemp("operator") / "demo"
    with pytest.raises(SystemExit) as end:
        main(["init", str(directory), "--demo"])
    assert end.value.code == 0
    return directory


@dataclass(frozen=True)
class Facility:
    """The demonstration facility with the command at hand."""

    directory: Path
    run: Run

    @property
    def config(self) -> str:
        return str(self.directory / "superfacility.toml")

    def admin(self, *arguments: str) -> Any:
        done = self.run("admin", *arguments, "--config", self.config, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def create(self, out: Path, *more: str, user: str = "demo1") -> Done:
        """A client with its key file."""
        return self.run(
            *("admin", "client", "create", "--user", user, "--name", "test", "--level", "red"),
            *("--ip", "127.0.0.1/32", "--out", str(out), "--config", self.config, *more),
        )


@pytest.fixture
def facility(demonstration: Path, run: Run) -> Facility:
    return Facility(demonstration, run)


@pytest.fixture
def plain(tmp_path: Path, run: Run) -> Path:
    """The configuration of a facility for one user."""
    directory = tmp_path / "plain"
    assert run("init", str(directory), "--name", "Plain").returncode == 0
    config = directory / "superfacility.toml"
    config.write_text(config.read_text().replace("scheduler = {", "# scheduler = {"))  # it would leave a process
    return config


def test_what_init_makes_is_private_and_in_order(facility: Facility, run: Run) -> None:
    modes = {
        path: stat.S_IMODE((facility.directory / path).stat().st_mode)
        for path in ("superfacility.db", "keys", "state", "keys/signing-0001.pem")
    }
    assert modes == {"superfacility.db": 0o600, "keys": 0o700, "state": 0o700, "keys/signing-0001.pem": 0o600}
    assert (facility.directory / "home" / "demo1" / "hello.sh").read_text().startswith("#!/bin/bash")


def test_the_demonstration_has_what_existing_programs_ask_for(facility: Facility) -> None:
    assert {each["name"] for each in facility.admin("resource", "list")} == {
        *("perlmutter", "dtns", "globus", "spin", "archive", "global_homes", "community_filesystem")
    }
    staff = {each["name"]: each["staff"] for each in facility.admin("user", "list")}
    assert (staff["demo1"], staff["demo2"], staff["operator"]) == (False, False, True)
    assert [each["status"] for each in facility.admin("outage", "list")] == ["Planned", "Completed"]
    assert facility.admin("group", "list")[0]["members"] == ["demo1", "demo2"]
    assert facility.admin("project", "show", "m0001")["members"] == ["demo1 (pi)", "demo2 (user)"]


def test_a_folder_in_use_is_refused_and_left_alone(facility: Facility, tmp_path: Path, run: Run) -> None:
    before = Path(facility.config).read_bytes()
    again = run("init", str(facility.directory))
    assert again.returncode == 1
    assert "is in use" in again.stderr
    assert Path(facility.config).read_bytes() == before
    (tmp_path / "file").write_text("mine")
    assert run("init", str(tmp_path)).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_empty_folder_is_filled_where_it_is(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    assert run("init", ".").returncode == 0
    assert (tmp_path.stat().st_ino, stat.S_IMODE(tmp_path.stat().st_mode)) == (before, 0o700)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("home", "keys", "scratch", "state", "superfacility.db", "superfacility.toml")
    ]
    assert run("admin", "user", "list").returncode == 0


def test_an_interrupted_init_leaves_nothing(tmp_path: Path, run: Run) -> None:
    failed = run("init", str(tmp_path / "new"), "--staff", "not a name")
    assert failed.returncode == 1
    assert "'not a name'" in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_and_a_bad_name_are_told_in_the_callers_words(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("mine")
    target = tmp_path / "file" / "new"
    refused = run("init", str(target))
    assert (refused.returncode, f"sfapi: {target} cannot be made" in refused.stderr) == (1, True)
    misnamed = run("init", str(tmp_path / "new"), "--system", "Big Iron")
    assert (misnamed.returncode, "--system 'Big Iron' cannot be a name" in misnamed.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_the_server_cannot_write_keeps_it_from_starting(
    plain: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = plain.parent / "superfacility.db"
    monkeypatch.setattr("superfacility.cli.examination.os.access", lambda path, _: path != database)  # root may all
    for command in ("check", "serve"):
        told = run(command, "--config", str(plain))
        assert (told.returncode, f"written: chmod 600 {database}" in told.stdout + told.stderr) == (1, True)


def test_a_key_of_webhooks_that_others_can_read_keeps_it_from_starting(plain: Path, run: Run) -> None:
    key = plain.parent / "keys" / "webhooks.key"
    key.chmod(0o640)
    for command in ("check", "serve"):
        told = run(command, "--config", str(plain))
        assert (told.returncode, f"chmod 600 {key}" in told.stdout + told.stderr) == (1, True)


def test_the_next_commands_can_be_pasted(tmp_path: Path, run: Run) -> None:
    made = run("init", str(tmp_path / "my facility"), "--staff", "grace")
    assert "--user grace " in made.stdout
    assert f"sfapi serve --config '{tmp_path}/my facility/superfacility.toml'\n" in made.stdout


@pytest.mark.parametrize("option", [("--port", "65536"), ("--port", "-1"), ("--workers", "0")])
def test_numbers_that_cannot_be_are_refused_before_anything_starts(
    plain: Path, option: tuple[str, str], run: Run
) -> None:
    refused = run("serve", "--config", str(plain), *option)
    assert (refused.returncode, option[0] in refused.stderr) == (2, True)


GPU_NODES = """
[systems.perlmutter.charging.node_types.gpu]
with_gpus = true
gpus_per_node = 4
hours = "gpu"
"""


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((), ("--cpu-hours N", "--gpu-hours N")),
        (("--cpu-hours", "5"), ("--gpu-hours N",)),
        (("--gpu-hours", "5"), ("--cpu-hours N",)),
        (("--cpu-hours", "5", "--gpu-hours", "0", "--unlimited"), ("not both",)),
        (("--cpu-hours", "5", "--gpu-hours", "0"), ()),
        (("--cpu-hours", "5", "--unlimited"), ()),
    ],
)
def test_a_project_has_hours_without_limit_only_in_so_many_words(
    plain: Path, given: tuple[str, ...], missing: tuple[str, ...], run: Run
) -> None:
    plain.write_text(plain.read_text() + GPU_NODES)
    done = run("admin", "project", "add", "m0009", *given, "--config", str(plain), "--json")
    assert done.returncode == (1 if missing else 0), done.stderr
    assert all(words in done.stderr for words in (*missing, *(("--unlimited",) if missing else ())))
    listed = json.loads(run("admin", "project", "list", "--config", str(plain), "--json").stdout)
    assert any(each["name"] == "m0009" for each in listed) is not bool(missing)


@pytest.mark.parametrize(
    "arguments",
    [
        *(("client", "renew", "x", "--days", days) for days in ("nan", "inf", "-1", "1e30")),
        *(("project", "add", "m0009", "--cpu-hours", hours) for hours in ("nan", "-5")),
        ("project", "change", "m0001", "--archive-bytes", "-1"),
        ("outage", "add", "perlmutter", "--start", "0001-01-01T00:00"),
    ],
)
def test_amounts_and_times_that_cannot_be_are_the_command_lines_fault(
    plain: Path, arguments: tuple[str, ...], run: Run
) -> None:
    refused = run("admin", *arguments, "--config", str(plain))
    assert (refused.returncode, arguments[-2] in refused.stderr) == (2, True)


def test_a_missing_key_or_database_comes_with_what_to_do(plain: Path, run: Run) -> None:
    (plain.parent / "keys" / "signing-0001.pem").unlink()
    (plain.parent / "superfacility.db").unlink()
    told = run("check", "--config", str(plain)).stdout
    assert (
        f"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {plain.parent}/keys/signing-0001.pem"
        in told
    )
    assert "restore it from a backup, or make a new installation with: sfapi init DIR" in told


def test_a_database_of_the_environment_is_named_and_not_shared(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFAPI_DATABASE", str(tmp_path / "elsewhere.db"))
    made = run("init", str(tmp_path / "one"))
    assert made.returncode == 0
    assert f"The tables are in {tmp_path / 'elsewhere.db'}, as SFAPI_DATABASE says." in made.stderr
    again = run("init", str(tmp_path / "two"))
    assert again.returncode == 1
    assert "belongs to an installation already" in again.stderr
    assert not (tmp_path / "two").exists()


def test_the_folder_of_another_host_lacks_its_state_only_until_it_is_made(plain: Path, run: Run) -> None:
    state = plain.parent / "state"
    shutil.rmtree(state)
    checked = run("check", "--config", str(plain))
    assert f"{state} is not there: mkdir -m 700 {state}" in checked.stdout
    assert stat.S_IMODE(state.stat().st_mode) == 0o700  # opening the systems has made it
    assert run("check", "--config", str(plain)).returncode == 0


def test_what_a_system_elsewhere_lacks_is_told(plain: Path, run: Run) -> None:
    elsewhere = """
        [systems.bigiron]
        full_name = "Big Iron"
        filesystems = ["home"]
        transport = { adapter = "ssh", host = "127.0.0.1", port = 9, known_hosts = "/k", user_keys = "/u" }
    """
    plain.write_text(plain.read_text() + elsewhere)
    checked = run("check", "--config", str(plain))
    assert "filesystems.home: home/{user} is a path of this host; write the absolute path on bigiron" in checked.stdout
    assert "bigiron is not on the status page: sfapi admin resource add bigiron" in checked.stdout


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_what_runs_under_one_account_is_not_offered_to_the_network(facility: Facility, host: str, run: Run) -> None:
    refused = run("serve", "--config", facility.config, "--host", host, "--port", "0")
    assert refused.returncode == 1
    assert "transport `local`" in refused.stderr
    assert refused.stdout == ""


def test_a_second_user_needs_the_operators_word(plain: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = run("admin", "user", "add", "ada", "--config", str(plain))
    assert refused.returncode == 1
    assert "shared_account = true" in refused.stderr
    with monkeypatch.context() as patch:
        patch.setenv("SFAPI_SHARED_ACCOUNT", "true")
        agreed = run("admin", "user", "add", "ada", "--config", str(plain))
    assert agreed.returncode == 0, agreed.stderr
    served = run("serve", "--config", str(plain), "--port", "0")
    assert served.returncode == 1
    assert "shared_account = true" in served.stderr


def test_unknown_settings_and_open_keys_keep_the_server_from_starting(plain: Path, run: Run) -> None:
    text = plain.read_text()
    plain.write_text('colour = "red"\n' + text)
    assert "colour: there is no such setting" in run("serve", "--config", str(plain), "--port", "0").stderr
    plain.write_text(text)
    (plain.parent / "keys" / "signing-0001.pem").chmod(0o644)
    plain.parent.chmod(0o777)
    for command in ("serve", "check"):
        refused = run(command, "--config", str(plain))
        assert refused.returncode == 1
        assert "signing-0001.pem" in refused.stdout + refused.stderr
        assert f"chmod go-w {plain.parent}" in refused.stdout + refused.stderr


def test_check_says_what_to_mend(plain: Path, run: Run) -> None:
    (plain.parent / "state").chmod(0o755)
    (plain.parent / "scratch").rename(plain.parent / "elsewhere")
    checked = run("check", "--config", str(plain))
    assert checked.returncode == 1
    assert f"chmod 700 {plain.parent}/state" in checked.stdout
    assert f"mkdir -p {plain.parent}/scratch" in checked.stdout
    assert checked.stdout.endswith(" to mend.\n")


def test_a_wrong_command_line_exits_with_2(plain: Path, run: Run) -> None:
    assert run("serve", "--colour", "red").returncode == 2
    assert run("admin", "user", "add", "--config", str(plain)).returncode == 2
    assert run("admin", "user", "show", "nobody", "--config", str(plain)).returncode == 1


class TestClients:
    """`sfapi admin client`."""

    @pytest.mark.parametrize("suffix", [".json", ".pem"])
    def test_the_key_file_is_new_private_and_in_the_layout_of_its_ending(
        self, facility: Facility, tmp_path: Path, suffix: str
    ) -> None:
        path = tmp_path / f"key{suffix}"
        assert facility.create(path).returncode == 0
        assert path.stat().st_mode == 0o100600
        text = path.read_text()
        client_id = json.loads(text)["client_id"] if suffix == ".json" else text.splitlines()[0]
        shown = facility.admin("client", "show", client_id)
        assert (shown["level"], shown["ranges"], len(client_id)) == ("red", ["127.0.0.1/32"], 13)
        secret = json.loads(text)["secret"]["d"] if suffix == ".json" else text.splitlines()[5]
        database = (facility.directory / "superfacility.db").read_bytes()
        assert secret.encode() not in database

    def test_an_existing_file_is_never_overwritten(self, facility: Facility, tmp_path: Path) -> None:
        out = tmp_path / "key.json"
        out.write_text("mine")
        clients = len(facility.admin("client", "list"))
        refused = facility.create(out)
        assert refused.returncode == 1
        assert out.read_text() == "mine"
        assert len(facility.admin("client", "list")) == clients

    def test_what_is_refused_leaves_no_file(self, facility: Facility, tmp_path: Path) -> None:
        refused = facility.create(tmp_path / "key.json", "--ip", "10.0.0.0/8")
        assert refused.returncode == 1
        assert "10.0.0.0/8" in refused.stderr
        assert list(tmp_path.iterdir()) == []

    def test_a_key_that_was_made_elsewhere_is_registered_alone(
        self, facility: Facility, tmp_path: Path, run: Run
    ) -> None:
        private, public = generate_key_pair("ES256")
        for name, text in (("jwk", json.dumps(public)), ("private", json.dumps(private)), ("none", "no key")):
            (tmp_path / name).write_text(text)
        usual = ("--user", "demo1", "--name", "mine", "--level", "red", "--ip", "127.0.0.1/32")
        made = facility.admin("client", "create", *usual, "--public-key", str(tmp_path / "jwk"))
        assert (made["keys"], "key_file" in made) == (1, False)
        for wrong, words in (
            (("--public-key", str(tmp_path / "private")), "private"),
            (("--public-key", str(tmp_path / "none")), "A public key is a JWK, or PEM"),
            (("--public-key", str(tmp_path / "nothing")), "cannot be read"),
            (("--public-key", str(tmp_path / "jwk"), "--out", str(tmp_path / "new")), "not both"),
            ((), "Give --public-key"),
        ):
            refused = run("admin", "client", "create", *usual, *wrong, "--config", facility.config)
            assert (refused.returncode, words in refused.stderr) == (1, True), refused.stderr
        assert not (tmp_path / "new").exists()

    def test_scopes_days_and_comments_are_kept_changed_and_renewed(
        self, facility: Facility, tmp_path: Path, run: Run
    ) -> None:
        options = ("--scope", "compute.jobs:read", "--days", "1", "--comments", "beamline")
        created = facility.create(tmp_path / "key.json", *options, "--json")
        client = json.loads(created.stdout)
        assert (client["scopes"], client["comments"]) == (["compute.jobs:read"], "beamline")
        changed = facility.admin("client", "change", client["id"], "--comments", "moved", "--ip", "127.0.0.2/32")
        assert (changed["comments"], changed["ranges"], changed["name"]) == ("moved", ["127.0.0.2/32"], client["name"])
        assert facility.admin("client", "renew", client["id"])["expires_at"] > client["expires_at"]
        assert facility.admin("client", "revoke", client["id"])[0]["revoked_at"] is not None
        assert facility.admin("client", "remove", client["id"])["removed"]

    def test_revoking_for_a_user_who_is_not_there_is_no_success(self, facility: Facility, run: Run) -> None:
        mistyped = run("admin", "client", "revoke", "--user", "demo11", "--config", facility.config)
        assert (mistyped.returncode, "No user named 'demo11'" in mistyped.stderr) == (1, True)


class TestNouns:
    """What is added shows, changes and goes away again; every step answers in JSON."""

    def test_users(self, facility: Facility, tmp_path: Path) -> None:
        added = facility.admin("user", "add", "eve", "--first", "Eve", "--email", "eve@example.org")
        assert (added["name"], added["first_name"], added["active"]) == ("eve", "Eve", True)
        assert (facility.directory / "home" / "eve").is_dir()
        changed = facility.admin("user", "change", "eve", "--last", "Example", "--staff")
        assert (changed["first_name"], changed["last_name"], changed["staff"]) == ("Eve", "Example", True)
        created = json.loads(facility.create(tmp_path / "key.json", "--json", user="eve").stdout)
        assert facility.admin("user", "remove", "eve")["active"] is False
        assert facility.admin("client", "show", created["id"])["revoked_at"] is not None

    def test_projects_members_and_groups(self, facility: Facility) -> None:
        facility.admin("project", "add", "m0002", "--cpu-hours", "5", "--description", "Second")
        changed = facility.admin("project", "change", "m0002", "--gpu-hours", "7")
        assert (changed["cpu_hours"], changed["gpu_hours"], changed["description"]) == (5, 7, "Second")
        facility.admin("project", "member", "add", "m0002", "demo2", "--role", "resource_manager")
        members = facility.admin("project", "member", "list", "m0002")
        assert members == [{"project": "m0002", "user": "demo2", "role": "resource_manager"}]
        facility.admin("group", "add", "g0002", "--project", "m0002", "--member", "demo2")
        changed = facility.admin("group", "change", "g0002", "--add", "demo1", "--remove", "demo2")
        assert changed["members"] == ["demo1"]
        facility.admin("group", "remove", "g0002")
        facility.admin("project", "member", "remove", "m0002", "demo2")
        assert facility.admin("project", "member", "list", "m0002") == []
        assert facility.admin("project", "remove", "m0002")["active"] is False

    def test_allocations(self, facility: Facility, run: Run) -> None:
        silent = run("admin", "project", "add", "m0003", "--config", facility.config)
        assert (silent.returncode, "--cpu-hours N" in silent.stderr, "--unlimited" in silent.stderr) == (1, True, True)
        made = facility.admin("project", "add", "m0003", "--unlimited")
        assert (made["cpu_hours"], made["gpu_hours"]) == (None, None)
        facility.admin("project", "member", "add", "m0003", "demo2")
        options = ("--begins", "2000-01-01", "--ends", "2099-12-31")
        added = facility.admin("allocation", "add", "m0003", "--kind", "gpu", "--hours", "50", *options)
        assert (added["kind"], added["hours"], added["begins"], added["ends"]) == ("gpu", 50, options[1], options[3])
        number = str(added["id"])
        nothing = run("admin", "allocation", "add", "m0003", "--config", facility.config)
        assert (nothing.returncode, "--unlimited" in nothing.stderr) == (1, True)
        again = run("admin", "allocation", "add", "m0003", "--kind", "gpu", "--unlimited", "--config", facility.config)
        assert (again.returncode, f"allocation {number}" in again.stderr) == (1, True)
        wrong = run(
            "admin", "allocation", "add", "m0003", "--hours", "1", "--begins", "soon", "--config", facility.config
        )
        assert (wrong.returncode, "is no day" in wrong.stderr) == (1, True)
        facility.admin("allocation", "change", "m0003", number, "--hours", "70")
        (listed,) = facility.admin("allocation", "list", "m0003")
        assert (listed["hours"], listed["ends"], listed["used"], listed["left"]) == (70, "2099-12-31", 0, 70)
        assert facility.admin("project", "show", "m0003")["gpu_hours"] == 70
        facility.admin("allocation", "share", "m0003", "demo2", "--kind", "gpu", "--percent", "10")
        (share,) = facility.admin("allocation", "shares", "m0003")
        assert (share["user"], share["kind"], share["percent"]) == ("demo2", "gpu", 10)
        stranger = run("admin", "allocation", "share", "m0003", "demo1", "--hours", "1", "--config", facility.config)
        assert (stranger.returncode, "not a member" in stranger.stderr) == (1, True)
        last = run("admin", "allocation", "remove", "m0003", number, "--config", facility.config)
        assert (last.returncode, "without limit" in last.stderr) == (1, True)
        facility.admin("allocation", "remove", "m0003", number, "--unlimited")
        assert facility.admin("allocation", "list", "m0003") == []

    def test_resources_outages_and_notes(self, facility: Facility) -> None:
        facility.admin("resource", "add", "jupyter", "--full-name", "Jupyter", "--kind", "service")
        times = ("--start", "2000-01-01T00:00:00+00:00", "--end", "2100-01-01T00:00:00+00:00")
        outage = facility.admin("outage", "add", "jupyter", *times, "--impact", "degraded")
        assert (outage["impact"], facility.admin("outage", "list", "jupyter")[0]["status"]) == ("degraded", "Active")
        assert facility.admin("resource", "show", "jupyter")["state"] == "degraded"
        cancelled = facility.admin("outage", "change", str(outage["id"]), "--status", "CANCELLED")
        assert cancelled["status"] == "Cancelled"
        assert facility.admin("resource", "show", "jupyter")["state"] == "active"
        note = facility.admin("note", "add", "jupyter", "Slow today.")
        assert facility.admin("note", "change", str(note["id"]), "--no-active")["active"] is False
        facility.admin("note", "remove", str(note["id"]))
        facility.admin("outage", "remove", str(outage["id"]))
        assert facility.admin("resource", "remove", "jupyter")["removed"]
        assert "jupyter" not in [each["name"] for each in facility.admin("resource", "list")]


class TestOutput:
    """Without a terminal a table is lines with tabs."""

    def test_a_listing_is_tab_separated(self, facility: Facility) -> None:
        lines = facility.run("admin", "resource", "list", "--config", facility.config).stdout.splitlines()
        assert lines[0].split("\t")[:3] == ["name", "full_name", "kind"]
        assert lines[1].split("\t")[:3] == ["perlmutter", "Perlmutter", "compute"]

    def test_the_configuration_may_come_from_the_environment(
        self, facility: Facility, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SFAPI_CONFIG", facility.config)
        assert "Ada" in facility.run("admin", "user", "show", "demo1").stdout

    @pytest.mark.parametrize("noun", ["user", "project", "group", "client", "resource", "outage", "note"])
    def test_every_noun_explains_itself(self, noun: str, run: Run) -> None:
        shown = run("admin", noun, "--help")
        assert shown.returncode == 0
        assert all(verb in shown.stdout for verb in ("list", "show", "change", "remove"))


class TestMigrate:
    """`sfapi migrate`."""

    def test_a_current_database_stays_and_a_missing_one_is_named(self, plain: Path, run: Run) -> None:
        assert run("migrate", "--config", str(plain)).returncode == 0
        database = plain.parent / "superfacility.db"
        database.unlink()
        missing = run("migrate", "--config", str(plain))
        assert missing.returncode == 1
        assert "sfapi init" in missing.stderr
        assert not database.exists()

    def test_the_server_does_not_start_on_another_schema(self, plain: Path, run: Run) -> None:
        with closing(sqlite3.connect(plain.parent / "superfacility.db")) as database:
            database.execute("UPDATE alembic_version SET version_num = 'older'")
            database.commit()
        refused = run("serve", "--config", str(plain), "--port", "0")
        assert refused.returncode == 1
        assert "migrate" in refused.stderr
        assert run("check", "--config", str(plain)).returncode == 1


def test_an_unknown_command_is_answered_with_the_nearest_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["statsu"])
    assert ended.value.code == 2
    assert "Did you mean `sfapi status`?" in capsys.readouterr().err
