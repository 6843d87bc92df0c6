"""Completion is code that a shell runs: nothing in it may be taken for anything else."""

import shlex

import pytest

from superfacility.cli.user.description import completion
from superfacility.cli.user.description.completion import Option, Words
from superfacility.cli.user.table import TABLE

NASTY = 'it\'s $(touch x) `y` "z" ; # \\ %'


@pytest.fixture
def nasty(monkeypatch: pytest.MonkeyPatch) -> None:
    option = Option(("-l", "--level"), NASTY, True, ("red", "green"))
    found = [Words(("clients", "create"), NASTY, (), (option,), ())]
    monkeypatch.setattr(completion, "every_command", lambda: iter(found))
    monkeypatch.setattr(completion, "_all_first", lambda: [("clients", NASTY)])


@pytest.mark.usefixtures("nasty")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_texts_are_never_code(shell: str) -> None:
    script = getattr(completion, shell)()
    for line in script.splitlines():
        if "touch" in line:
            quoted = [word for word in shlex.split(line) if "touch" in word]
            assert quoted == [quoted[0]], "it is one word, in quotes that hide everything"
            assert "’s $(touch x)" in quoted[0]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_is_completed(shell: str) -> None:
    script = getattr(completion, shell)()
    assert all(name in script for name in TABLE)


def test_a_command_prints_it(run) -> None:  # type: ignore[no-untyped-def]
    done = run("completion", "bash")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("complete -o default -F _sfapi sfapi\n")
    assert run("completion", "tcsh").code == 2
