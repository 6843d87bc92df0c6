"""Examples and documentation, run as a reader runs them: against a real server, with the unmodified `sfapi_client`."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from superfacility.testing.clusters import SlurmCluster

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "01-model-case"
sys.path.insert(0, str(EXAMPLE))
DEMO = (sys.executable, str(EXAMPLE / "demo.py"), "--dir")

from demo import Installation, running_schedulers, stop_schedulers  # noqa: E402

pytestmark = pytest.mark.timeout(300)


def shows_gold(picture: Path) -> None:
    """The HAADF panel of the montage: bright columns of atoms on a dark film."""
    with Image.open(picture) as montage:
        assert montage.size == (1264, 496)
        levels = sorted(montage.convert("L").crop((440, 70, 824, 430)).tobytes())
    assert levels[len(levels) // 4] < 60
    assert levels[-len(levels) // 200] > 150


def processes_in(folder: Path) -> list[str]:
    """Command lines that name the folder: servers, schedulers and jobs that were left behind."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def wait_for(text: str, file: Path, process: subprocess.Popen[bytes], limit: float = 120) -> None:
    deadline = time.monotonic() + limit
    while text not in file.read_text():
        assert process.poll() is None, file.read_text()
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.05)


def nothing_runs_in(folder: Path, limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while left := processes_in(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def run_demo(folder: Path, *options: str, limit: float = 200) -> str:
    done = subprocess.run([*DEMO, str(folder), *options], capture_output=True, text=True, timeout=limit, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "node hours" in done.stdout
    assert "equal here, there and in the archive" in done.stdout
    assert str(folder / "model-case" / "montage.png") in done.stdout
    shows_gold(folder / "model-case" / "montage.png")
    return done.stdout


@pytest.mark.timeout(480)
def test_the_demonstration_runs_again_in_one_folder_leaves_nothing_running_and_stays_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    run_demo(folder)
    nothing_runs_in(folder)
    assert not (folder / "demo-key.json").exists()

    said = run_demo(folder, "--keep")
    server = int(said.partition("stop it with: kill ")[2].split()[0])
    try:
        assert (folder / "demo-key.json").stat().st_mode & 0o777 == 0o600
        api = said.partition("API ")[2].split()[0]
        with urlopen(f"{api}status/perlmutter", timeout=30) as answer:
            assert json.load(answer)["status"] == "active"
    finally:
        os.kill(server, signal.SIGTERM)
        stop_schedulers(running_schedulers(Installation(folder)))
    nothing_runs_in(folder)


@pytest.mark.timeout(600)
def test_the_demonstration_runs_on_a_real_slurm(cluster: SlurmCluster, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    said = run_demo(folder, "--cluster", str(cluster.state), limit=500)
    assert cluster.users["alice"].name in said
    nothing_runs_in(folder)


@pytest.mark.parametrize(
    ("how", "when"), [(signal.SIGINT, "Start the analysis"), (signal.SIGTERM, "serving"), (signal.SIGINT, "A demonstr")]
)
def test_an_interrupted_demonstration_cleans_up(tmp_path: Path, how: signal.Signals, when: str) -> None:
    folder, output = tmp_path / "demo", tmp_path / "output"
    with output.open("wb") as file:
        demo = subprocess.Popen([*DEMO, str(folder)], stdout=file, stderr=subprocess.STDOUT, env=unbuffered())
    wait_for(when, output, demo)
    demo.send_signal(how)
    assert demo.wait(120) == 130
    nothing_runs_in(folder)
    assert not (folder / "demo-key.json").exists()


@pytest.mark.filterwarnings("default")  # what the notebook tools warn of is theirs to mend
def test_the_notebook_runs_from_its_first_cell_to_its_last(
    served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFAPI_KEY", str(served.key()))
    monkeypatch.setenv("SFAPI_API", served.base_url)
    monkeypatch.setenv("SFAPI_TOKEN", served.token_url)
    monkeypatch.setenv("SFAPI_OUTPUT", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # not the home of whoever runs the tests
    notebook = nbformat.read(EXAMPLE / "model_case.ipynb", as_version=4)
    NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(EXAMPLE)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    shows_gold(tmp_path / "montage.png")


def unbuffered() -> dict[str, str]:
    return os.environ | {"PYTHONUNBUFFERED": "1"}


PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
BLOCKS = [
    (page.relative_to(REPOSITORY), block)
    for page in PAGES
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    if "sfapi_client" in block
]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[str(page) for page, _ in BLOCKS])
def test_what_the_documentation_shows_can_be_run(served, tmp_path: Path, page: Path, block: str) -> None:
    served.key().rename(tmp_path / "key.json")
    block = block.replace("http://127.0.0.1:8000", served.base_url.removesuffix("/api/v1.2"))
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{page}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    ("program", "pictures"),
    [("script.py", {"slits-40"}), ("many.py", {"slits-20", "slits-40", "slits-80"}), ("cells.py", {"slits-60"})],
)
def test_a_script_of_the_python_client_brings_its_pictures(
    served, tmp_path: Path, program: str, pictures: set[str]
) -> None:
    key, place = served.key("demo1", suffix=".pem"), [served.base_url, "perlmutter"]
    home = tmp_path / "superfacility"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SFAPI_")}
    facility = {"SFAPI_HOME": str(home), "SFAPI_URL": served.base_url, "SYSTEM": "perlmutter", "SFAPI_KEY": str(key)}
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / "02-python-client" / program), *place],
        cwd=tmp_path,
        env={**clean, **facility},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {each.stem for each in tmp_path.glob("*.png")} == pictures
    for each in tmp_path.glob("*.png"):
        with Image.open(each) as picture:
            assert picture.size == (480, 320)
            assert len(set(picture.tobytes())) > 100
    assert ("320 of 320 lines" in done.stdout) == (program != "script.py")


@pytest.mark.parametrize(
    "page",
    sorted(path for path in REPOSITORY.rglob("*.md") if not {".venv", ".demo"} & set(path.parts)),
    ids=lambda page: str(page.relative_to(REPOSITORY)),
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []
