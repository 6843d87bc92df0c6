"""What the batch job does: find every electron in the raw frames, then make pictures of what they say.

    python count.py raw.h5 results

It writes `counted.h5`, the pictures (see `pictures.py`) and `summary.json` into the results folder, and keeps
`progress.json` beside them current while it works. Electrons are counted with stempy, the library made for the 4D
Camera at NCEM; where it has no wheel, NumPy does the same.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from pictures import Electrons, save_pictures

Report = Callable[..., None]

NOISE_SIGMAS = 4.5  # an electron is what rises this far above the noise of the empty detector
XRAY_SIGMAS = 175.0
SAMPLE = 40  # frames from which the noise is measured


def count_with_stempy(raw: h5py.File) -> Electrons:
    """As NCEM does it: thresholds from the data, local maxima above them."""
    columns, rows = map(int, raw["frames"].attrs["scan_dimensions"])
    detector = raw["frames"].shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stempy import image, io

        counted = image.electron_count(
            io.reader(raw),
            np.zeros((detector, detector), np.float32),
            number_of_samples=20,
            threshold_num_blocks=2,
            background_threshold_n_sigma=NOISE_SIGMAS,
            xray_threshold_n_sigma=XRAY_SIGMAS,
            scan_dimensions=(columns, rows),
        )
    events = [np.asarray(frame[0], np.uint32) for frame in counted.data]
    return Electrons(events, (rows, columns), detector)


def find_electrons(frames: NDArray[np.uint16], threshold: float, limit: float) -> list[NDArray[np.uint32]]:
    """Local maxima between two thresholds, frame by frame. Of equal neighbours the first counts."""
    count, height, width = frames.shape
    padded = np.pad(frames, ((0, 0), (1, 1), (1, 1)))
    centre = padded[:, 1:-1, 1:-1]
    found = (centre > threshold) & (centre < limit)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            neighbour = padded[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
            if (dy, dx) < (0, 0):
                found &= centre > neighbour
            elif (dy, dx) > (0, 0):
                found &= centre >= neighbour
    flat = found.reshape(count, -1)
    return [np.flatnonzero(frame).astype(np.uint32) for frame in flat]


def count_with_numpy(raw: h5py.File, report: Report) -> Electrons:
    """The same rule in plain NumPy, one row of the scan at a time."""
    columns, rows = map(int, raw["frames"].attrs["scan_dimensions"])
    frames = raw["frames"]
    sample = frames[:: max(1, len(frames) // SAMPLE)].astype(np.float64)
    median = np.median(sample)
    sigma = 1.4826 * np.median(np.abs(sample - median))
    threshold, limit = median + NOISE_SIGMAS * sigma, median + XRAY_SIGMAS * 5 * sigma
    events: list[NDArray[np.uint32]] = []
    for row in range(rows):
        events += find_electrons(frames[row * columns : (row + 1) * columns], threshold, limit)
        report("counting", done=row + 1, total=rows)
    return Electrons(events, (rows, columns), frames.shape[1])


def engine() -> str:
    return "stempy" if find_spec("stempy") else "numpy"


def count_electrons(raw: h5py.File, report: Report) -> Electrons:
    return count_with_stempy(raw) if engine() == "stempy" else count_with_numpy(raw, report)


def save_counted(path: Path, scan: Electrons) -> None:
    """The layout of stempy's counted files: one list of pixel numbers per frame."""
    with h5py.File(path, "w") as file:
        file.attrs["version"] = 3
        group = file.create_group("electron_events")
        frames = group.create_dataset("frames", (len(scan.events),), dtype=h5py.vlen_dtype(np.uint32))
        for index, hits in enumerate(scan.events):  # one by one: h5py makes a table of lists that are equally long
            frames[index] = hits
        frames.attrs["Nx"] = frames.attrs["Ny"] = scan.detector
        positions = group.create_dataset("scan_positions", data=np.arange(len(scan.events), dtype=np.uint32))
        positions.attrs["Ny"], positions.attrs["Nx"] = scan.shape


def reporter(path: Path) -> Report:
    """Keeps a small JSON file current; whoever reads it never sees half of one."""
    began = time.monotonic()

    def report(stage: str, **facts: Any) -> None:
        facts |= {"stage": stage, "seconds": round(time.monotonic() - began, 2)}
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(facts))
        temporary.replace(path)
        print(json.dumps(facts), flush=True)

    return report


def analyse(raw_path: Path, results: Path) -> dict[str, Any]:
    """Count, save, draw; returns what `summary.json` says."""
    results.mkdir(parents=True, exist_ok=True)
    report = reporter(results / "progress.json")
    report("counting", done=0, total=1)
    with h5py.File(raw_path, "r") as raw:
        disc = float(raw.attrs["convergence"] / raw.attrs["milliradian_per_pixel"])
        step = float(raw.attrs["step"])
        truth = int(raw.attrs.get("electrons", 0))
        scan = count_electrons(raw, report)
    report("saving", electrons=scan.total)
    save_counted(results / "counted.h5", scan)
    report("drawing", electrons=scan.total)
    save_pictures(results, scan, disc=disc, step=step)
    summary = {
        "engine": engine(),
        "scan": list(scan.shape),
        "electrons": scan.total,
        "electrons_per_frame": round(scan.total / len(scan.events), 1),
        "raw_bytes": len(scan.events) * scan.detector**2 * 2,
        "counted_bytes": (results / "counted.h5").stat().st_size,
    }
    if truth:
        summary["found_share"] = round(scan.total / truth, 3)
    (results / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    report("done", **summary)
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path, help="raw scan (HDF5)")
    parser.add_argument("results", type=Path, help="folder to write into")
    arguments = parser.parse_args()
    analyse(arguments.raw, arguments.results)


if __name__ == "__main__":
    main()
