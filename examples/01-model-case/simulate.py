"""Simulate a raw 4D-STEM scan: at every position of a focused electron beam, a whole picture of the detector.

The specimen is a gold nanoparticle, a smaller one beside it and a few single gold atoms on a thin film of amorphous
carbon. The optics are those of an aberration-corrected microscope at 300 kV; the specimen is thin enough to be one
sheet that shifts the phase of the beam. The detector counts few electrons: each leaves charge in its pixel and some in
the neighbours, on top of a pedestal and read-out noise, as a camera delivers it after subtracting its dark reference.

    python simulate.py raw.h5
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

PEDESTAL = 20.0  # counters compute with unsigned numbers: raw data must stay above the dark reference (zero)
READ_NOISE = 2.5
CHARGE_SHAPE, CHARGE_SCALE = 6.0, 12.0  # a gamma distribution: 72 units per electron, with a long tail
ATOM = 0.55  # radians by which one gold atom shifts the beam
SPREAD = ((0.025, 0.07, 0.025), (0.07, 0.62, 0.07), (0.025, 0.07, 0.025))


@dataclass(frozen=True)
class Microscope:
    """Lengths in angstrom, angles in milliradian. `dose` is electrons per frame.

    Keep the dose under about 0.1 electrons per pixel of the bright disc: two electrons in neighbouring pixels count
    as one.
    """

    scan: tuple[int, int] = (48, 48)  # rows, columns
    detector: int = 160
    wavelength: float = 0.019687
    convergence: float = 21.0
    half_angle: float = 52.0  # at the detector's edge
    step: float = 0.5
    dose: float = 300.0

    @property
    def pixel(self) -> float:
        """Milliradian per detector pixel."""
        return 2 * self.half_angle / self.detector

    @property
    def sampling(self) -> float:
        """Angstrom per pixel of the specimen."""
        return self.wavelength / (2 * self.half_angle * 1e-3)

    def position(self, index: int) -> float:
        """Where a row or column of the scan lies in the specimen, in its pixels."""
        return index * self.step / self.sampling


def _add_atom(phase: Image, y: float, x: float, radians: float, sampling: float, width: float = 0.3) -> None:
    """A Gaussian bump of phase; `y`, `x` and `width` in angstrom."""
    reach = int(4 * width / sampling) + 1
    row, column = round(y / sampling), round(x / sampling)
    if not (reach <= row < phase.shape[0] - reach and reach <= column < phase.shape[1] - reach):
        return
    rows = np.arange(row - reach, row + reach + 1)
    columns = np.arange(column - reach, column + reach + 1)
    distance = (rows[:, None] * sampling - y) ** 2 + (columns[None, :] * sampling - x) ** 2
    phase[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += radians * np.exp(-distance / (2 * width**2))


def _add_particle(phase: Image, centre: tuple[float, float], radius: float, angle: float, sampling: float) -> None:
    """A faceted gold crystal seen along [110]: columns of atoms, more of them in the middle than at the edge."""
    a, b = 4.08, 4.08 / np.sqrt(2)
    cosine, sine = np.cos(angle), np.sin(angle)
    reach = int(radius / b) + 2
    facets = np.arange(6) * np.pi / 3 + np.pi / 6
    for i in range(-2 * reach, 2 * reach + 1):
        for j in range(-2 * reach, 2 * reach + 1):
            if (i + j) % 2:
                continue
            v, u = i * a / 2, j * b / 2
            depth = 1 - max(v * np.sin(facet) + u * np.cos(facet) for facet in facets) / radius
            if depth > 0:
                atoms = 2 + 4 * np.sqrt(depth)
                y, x = centre[0] + v * cosine - u * sine, centre[1] + v * sine + u * cosine
                _add_atom(phase, y, x, ATOM * atoms, sampling)


def specimen(microscope: Microscope, rng: np.random.Generator) -> NDArray[np.complex64]:
    """The complex transmission of the specimen, with a margin of half a beam window around the scanned field."""
    sampling, window = microscope.sampling, microscope.detector
    rows, columns = (int(microscope.position(count)) + window + 4 for count in microscope.scan)
    margin = window * sampling / 2
    height, width = (count * microscope.step for count in microscope.scan)
    phase = _carbon(rows, columns, sampling, rng)
    _add_particle(phase, (margin + 0.42 * height, margin + 0.43 * width), 0.36 * height, 0.25, sampling)
    _add_particle(phase, (margin + 0.80 * height, margin + 0.80 * width), 0.15 * height, 1.10, sampling)
    for y, x in ((0.12, 0.86), (0.30, 0.90), (0.88, 0.12), (0.90, 0.45), (0.55, 0.88)):
        _add_atom(phase, margin + y * height, margin + x * width, 2 * ATOM, sampling)
    return np.exp(1j * phase).astype(np.complex64)


def _carbon(rows: int, columns: int, sampling: float, rng: np.random.Generator) -> Image:
    """Amorphous film: random phase without features finer than an atom."""
    frequency = np.hypot(np.fft.fftfreq(rows, sampling)[:, None], np.fft.fftfreq(columns, sampling)[None, :])
    noise = np.fft.fft2(rng.standard_normal((rows, columns))) * np.exp(-((frequency / 0.55) ** 2))
    film = np.fft.ifft2(noise).real
    return (0.10 * film / film.std()).astype(np.float32)


def probe(microscope: Microscope) -> NDArray[np.complex64]:
    """The focused beam on the specimen; its intensity sums to one."""
    frequency = np.fft.fftfreq(microscope.detector, microscope.sampling)
    angle = np.hypot(frequency[:, None], frequency[None, :]) * microscope.wavelength * 1e3
    wave = np.fft.fftshift(np.fft.ifft2(angle <= microscope.convergence))
    return (wave / np.sqrt((np.abs(wave) ** 2).sum())).astype(np.complex64)


def _diffract(
    microscope: Microscope, wave: NDArray[np.complex64], sheet: NDArray[np.complex64], row: int
) -> NDArray[np.float32]:
    """Where electrons go, for every position of one row of the scan: probabilities, `(columns, detector²)`."""
    size = microscope.detector
    top = round(microscope.position(row))
    lefts = [round(microscope.position(column)) for column in range(microscope.scan[1])]
    exits = np.stack([wave * sheet[top : top + size, left : left + size] for left in lefts])
    far = np.fft.fftshift(np.fft.fft2(exits), axes=(1, 2))
    intensity = (far.real**2 + far.imag**2).reshape(len(lefts), -1)
    return (intensity / intensity.sum(axis=1, keepdims=True)).astype(np.float32)


def _detect(probabilities: Image, microscope: Microscope, rng: np.random.Generator) -> tuple[NDArray[np.uint16], int]:
    """Raw frames of one row, and how many electrons hit them."""
    size = microscope.detector
    charge = np.zeros((len(probabilities), size * size), np.float32)
    electrons = 0
    for frame, chances in zip(charge, probabilities, strict=True):
        count = rng.poisson(microscope.dose)
        cumulative = np.cumsum(chances, dtype=np.float64)
        hits = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
        np.add.at(frame, hits, rng.gamma(CHARGE_SHAPE, CHARGE_SCALE, count).astype(np.float32))
        electrons += int(count)
    frames = PEDESTAL + READ_NOISE * rng.standard_normal((len(charge), size, size), dtype=np.float32)
    padded = np.pad(charge.reshape(-1, size, size), ((0, 0), (1, 1), (1, 1)))
    for dy, weights in enumerate(SPREAD):
        for dx, weight in enumerate(weights):
            frames += weight * padded[:, dy : dy + size, dx : dx + size]
    return frames.clip(0, 65535).astype(np.uint16), electrons


def simulate_scan(
    path: Path,
    microscope: Microscope | None = None,
    *,
    seed: int = 3,
    on_row: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write a raw scan as HDF5 (the layout that stempy reads) and return how many electrons hit the detector."""
    microscope = microscope or Microscope()
    rng = np.random.default_rng(seed)
    sheet, wave = specimen(microscope, rng), probe(microscope)
    rows, columns = microscope.scan
    size, electrons = microscope.detector, 0
    with h5py.File(path, "w") as file:
        frames = file.create_dataset(
            "frames", (rows * columns, size, size), "u2", chunks=(1, size, size), compression="gzip", compression_opts=1
        )
        frames.attrs["scan_dimensions"] = (columns, rows)
        file.attrs["milliradian_per_pixel"] = microscope.pixel
        file.attrs["convergence"] = microscope.convergence
        file.attrs["step"] = microscope.step
        for row in range(rows):
            raw, count = _detect(_diffract(microscope, wave, sheet, row), microscope, rng)
            frames[row * columns : (row + 1) * columns] = raw
            electrons += count
            on_row(row + 1, rows)
        file.attrs["electrons"] = electrons
    return electrons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="HDF5 file to write")
    parser.add_argument("--scan", type=int, nargs=2, default=Microscope.scan, metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    microscope = Microscope(scan=tuple(arguments.scan))
    electrons = simulate_scan(arguments.path, microscope, seed=arguments.seed)
    print(f"{arguments.path}: {electrons} electrons, {arguments.path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
