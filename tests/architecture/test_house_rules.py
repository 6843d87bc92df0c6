"""Rules of the house that no linter knows: who reads the environment and the clock, how things are named and told."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "superfacility"
MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {str(path.relative_to(SOURCE)): ast.parse(path.read_text()) for path in MODULES}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "lib", "base", "manager", "models", "misc"}
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400


def names(tree: ast.AST) -> Iterator[str]:
    """`os.environ`, `time.time` … as they are written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def using(*wanted: str) -> set[str]:
    return {module for module, tree in TREES.items() if not set(wanted).isdisjoint(names(tree))}


def test_settings_and_the_clients_environment_alone_read_the_environment() -> None:
    readers = using("os.environ", "os.environb", "os.getenv")
    outside = {module for module in readers if not module.startswith("adapters/embedded/programs/")}
    assert outside == {"settings/loading.py", "client/environment.py"}


def test_the_clock_alone_reads_the_wall_clock() -> None:
    wall = using("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns")
    assert wall == {"core/clock.py"}


def test_every_module_says_what_it_is_for() -> None:
    assert [module for module, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_nothing_has_a_name_that_says_nothing() -> None:
    stems = {part.removesuffix(".py") for module in TREES for part in module.split("/")}
    classes = {node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert stems & FORBIDDEN_NAMES == set()
    assert [name for name in classes if name.endswith(("Utils", "Helper", "Base", "Manager"))] == []


@pytest.mark.parametrize("module", TREES)
def test_functions_and_modules_stay_short(module: str) -> None:
    tree = TREES[module]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [each.name for each in functions if (each.end_lineno or 0) - each.lineno + 1 > LONGEST_FUNCTION]
    assert long == []
    assert len((SOURCE / module).read_text().splitlines()) <= LONGEST_MODULE
