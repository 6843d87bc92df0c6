"""`--json`: every command that answers with a document, against the schema that the reference prints."""

import json
from pathlib import Path
from typing import Any

import pytest

from superfacility.cli.user.description.schemas import every_schema
from superfacility.client.errors import NotFound, Refused

COMMANDS = {
    "whoami": "whoami",
    "balance": "balance",
    "status": "status",
    "outages": "outages --planned",
    "submit": "submit perlmutter:/home/demo1/job.sh --wait",
    "jobs": "jobs",
    "show": "show 7",
    "cancel": "cancel 7 8",
    "hold": "hold 7",
    "release": "release 7",
    "run": "run -- ls -l",
    "ls": "ls perlmutter:/data",
    "cp": "cp --no-compare FILE perlmutter:/data/",
    "transfer": "transfer dtn:/a hpss:/b --wait",
    "tasks list": "tasks",
    "tasks show": "tasks show 9",
    "tasks wait": "tasks wait 9",
    "tasks cancel": "tasks cancel 9",
    "reservations list": "reservations",
    "reservations show": "reservations show beam",
    "reservations create": "reservations create beam --start 2026-06-01T08:00 --end 2026-06-01T09:00 --nodes 2",
    "reservations change": "reservations change beam --nodes 3",
    "reservations delete": "reservations delete beam",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_document_is_as_the_reference_says(command: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("abc")
    words = [str(tmp_path / "file") if word == "FILE" else word for word in COMMANDS[command].split()]
    noun = words.index("--") if "--" in words else len(words)
    done = run(*words[:noun], "--json", *words[noun:])
    assert done.document(command)
    assert done.out.count("\n") == 1, "without a terminal it is one line"


def test_a_command_with_a_document_has_no_other_words_on_standard_output(run: Any) -> None:
    for words in ("submit perlmutter:/home/demo1/job.sh --wait --json", "transfer dtn:/a hpss:/b --wait --json"):
        json.loads(run(*words.split()).out)


def test_one_resource_has_its_notes_and_planned_outages(run: Any) -> None:
    found = run("status", "perlmutter", "--json").document("status")
    assert set(found) == {"resource", "notes", "planned_outages"}


def test_schemas_forbid_what_they_do_not_name() -> None:
    for _, schema in every_schema():
        assert schema["additionalProperties"] is False


def test_a_failure_is_a_document_too_and_nothing_is_printed(run: Any, connection: Any) -> None:
    problem = NotFound("There is no job 7 on perlmutter.", status=404, request_id="r-9")
    connection.answers["job_elements"] = problem
    done = run("show", "7", "--json")
    assert (done.code, done.out) == (4, "")
    assert done.error() == {
        "kind": "not_found",
        "message": "There is no job 7 on perlmutter.",
        "next": None,
        "request_id": "r-9",
        "exit_code": 4,
    }


def test_of_several_jobs_each_has_its_own_outcome(run: Any, connection: Any) -> None:
    connection.answers["cancel"] = {"8": "Job/step already completing"}
    done = run("cancel", "7", "8", "--json")
    assert done.code == 1
    assert [each["error"] for each in json.loads(done.out)["outcomes"]] == ["", "Job/step already completing"]
    connection.answers["hold"] = Refused("It runs already.")
    assert json.loads(run("hold", "7", "--json").out)["outcomes"][0]["error"] == "It runs already."
