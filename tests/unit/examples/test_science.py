"""The model case's science: what is simulated, what is found again, and what is drawn."""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

EXAMPLE = Path(__file__).parents[3] / "examples" / "01-model-case"
sys.path.insert(0, str(EXAMPLE))

import count  # noqa: E402
import pictures  # noqa: E402
import simulate  # noqa: E402

SMALL = simulate.Microscope(scan=(8, 6), detector=96, dose=60.0)


def quiet(*_: object, **__: object) -> None: ...


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scan") / "raw.h5"
    simulate.simulate_scan(path, SMALL)
    return path


def test_raw_frames_have_the_layout_that_stempy_reads(raw: Path) -> None:
    with h5py.File(raw) as file:
        assert file["frames"].shape == (48, 96, 96)
        assert file["frames"].dtype == np.uint16
        assert list(file["frames"].attrs["scan_dimensions"]) == [6, 8]


def test_raw_stays_above_the_dark_reference(raw: Path) -> None:
    """Below zero it would wrap around, and stempy would wait for ever."""
    with h5py.File(raw) as file:
        assert file["frames"][...].min() > 0


def test_the_same_seed_gives_the_same_scan(tmp_path: Path) -> None:
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    totals = [simulate.simulate_scan(path, simulate.Microscope(scan=(2, 2), detector=64)) for path in paths]
    frames = [h5py.File(path)["frames"][...] for path in paths]
    assert totals[0] == totals[1]
    assert np.array_equal(*frames)


def test_one_row_after_the_other_is_reported(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate.simulate_scan(
        tmp_path / "raw.h5",
        simulate.Microscope(scan=(3, 2), detector=64),
        on_row=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_numpy_finds_most_electrons(raw: Path) -> None:
    with h5py.File(raw) as file:
        found = count.count_with_numpy(file, quiet)
        share = found.total / file.attrs["electrons"]
    assert found.shape == (8, 6)
    assert 0.6 < share < 1.0


def test_stempy_and_numpy_agree(raw: Path) -> None:
    pytest.importorskip("stempy", reason="stempy has wheels for Linux on x86-64 only")
    with h5py.File(raw) as file:
        by_numpy, by_stempy = count.count_with_numpy(file, quiet), count.count_with_stempy(file)
    assert by_stempy.total == pytest.approx(by_numpy.total, rel=0.03)
    same = [len(np.intersect1d(a, b)) for a, b in zip(by_numpy.events, by_stempy.events, strict=True)]
    assert sum(same) > 0.95 * by_numpy.total


def test_an_electron_is_found_where_it_fell() -> None:
    frame = np.full((1, 16, 16), 20, np.uint16)
    frame[0, 5, 7] = 90
    frame[0, 5, 8] = frame[0, 4, 7] = 30
    (found,) = count.find_electrons(frame, threshold=35, limit=1000)
    assert found.tolist() == [5 * 16 + 7]


def test_equal_neighbours_are_one_electron_and_xrays_none() -> None:
    frame = np.full((1, 16, 16), 20, np.uint16)
    frame[0, 2, 2] = frame[0, 2, 3] = 80
    frame[0, 9, 9] = 6000
    (found,) = count.find_electrons(frame, threshold=35, limit=1000)
    assert found.tolist() == [2 * 16 + 2]


def test_the_counted_file_can_be_read_by_stempy(raw: Path, tmp_path: Path) -> None:
    io = pytest.importorskip("stempy.io", reason="stempy has wheels for Linux on x86-64 only")
    with h5py.File(raw) as file:
        found = count.count_with_numpy(file, quiet)
    count.save_counted(tmp_path / "counted.h5", found)
    array = io.SparseArray.from_hdf5(str(tmp_path / "counted.h5"))
    assert tuple(array.scan_shape) == (8, 6)
    assert array.sum(axis=(0, 1)).sum() == found.total


def test_frames_with_equal_numbers_of_electrons_are_saved_as_lists(tmp_path: Path) -> None:
    events = [np.array([1, 2], np.uint32), np.array([3, 4], np.uint32)]
    count.save_counted(tmp_path / "counted.h5", pictures.Electrons(events, (1, 2), 8))
    with h5py.File(tmp_path / "counted.h5") as file:
        assert [frame.tolist() for frame in file["electron_events/frames"]] == [[1, 2], [3, 4]]


def test_gold_is_dark_in_bright_field_and_bright_in_haadf(tmp_path: Path) -> None:
    """One beam position on a heavy column, one beside the particle."""
    microscope = simulate.Microscope(scan=(24, 24), step=1.0, detector=96, dose=200.0)
    simulate.simulate_scan(tmp_path / "raw.h5", microscope)
    with h5py.File(tmp_path / "raw.h5") as file:
        found = count.count_with_numpy(file, quiet)
    disc = microscope.convergence / microscope.pixel
    bright = pictures.virtual_detector(found, 0, 0.95 * disc)
    dark = pictures.virtual_detector(found, 1.25 * disc, microscope.detector)
    assert np.corrcoef(bright.ravel(), dark.ravel())[0, 1] < -0.2
    particle, film = dark[5:16, 5:16], dark[18:, :6]
    assert particle.mean() > 2 * film.mean()


def test_the_job_leaves_pictures_summary_and_progress(raw: Path, tmp_path: Path) -> None:
    summary = count.analyse(raw, tmp_path / "results")
    results = tmp_path / "results"
    names = {path.name for path in results.iterdir()}
    assert {"bf.png", "haadf.png", "diffraction.png", "montage.png", "counted.h5", "summary.json"} <= names
    assert json.loads((results / "summary.json").read_text()) == summary
    assert json.loads((results / "progress.json").read_text())["stage"] == "done"
    with Image.open(results / "montage.png") as montage:
        assert montage.width > 3 * pictures.SIDE


def test_without_stempy_numpy_counts(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(count, "find_spec", lambda name: None)
    assert count.analyse(raw, tmp_path)["engine"] == "numpy"
