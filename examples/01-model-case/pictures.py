"""Pictures from counted electrons: bright field, HAADF, diffraction, and all three side by side.

Bright field counts the electrons that stay in the beam's disc: atoms are dark. HAADF (high-angle annular dark field)
counts those that were thrown far out of it: heavy atoms are bright. The diffraction pattern is the sum of all frames.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.float64]
Palette = tuple[tuple[int, int, int], ...]

GREY: Palette = ((0, 0, 0), (255, 255, 255))
INFERNO: Palette = (
    (0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99),
    (212, 72, 66), (245, 125, 21), (250, 193, 39), (252, 255, 164),
)  # fmt: skip
PAPER, INK, FAINT = (17, 19, 24), (235, 237, 240), (150, 156, 166)
SIDE, GAP, HEADER, FOOTER = 400, 16, 62, 34


@dataclass(frozen=True)
class Electrons:
    """What was found: for each frame of the scan, the pixels hit, as `row * detector + column`."""

    events: list[NDArray[np.uint32]]
    shape: tuple[int, int]
    detector: int

    @property
    def total(self) -> int:
        return sum(map(len, self.events))


def diffraction(scan: Electrons) -> Picture:
    """Where the electrons of all frames fell."""
    total = np.bincount(np.concatenate(scan.events), minlength=scan.detector**2)
    return total.reshape(scan.detector, scan.detector).astype(np.float64)


def virtual_detector(scan: Electrons, inner: float, outer: float) -> Picture:
    """Electrons of each frame in a ring around the centre; radii in pixels."""
    y, x = np.divmod(np.arange(scan.detector**2), scan.detector)
    radius = np.hypot(y - scan.detector / 2, x - scan.detector / 2)
    inside = (radius >= inner) & (radius < outer)
    sums = [np.count_nonzero(inside[events]) for events in scan.events]
    return np.array(sums, np.float64).reshape(scan.shape)


def coloured(values: Picture, palette: Palette, *, gamma: float = 1.0, side: int = SIDE) -> Image.Image:
    """Values as a square picture, the faintest half percent black and the brightest at full colour."""
    low, high = np.percentile(values, (0.5, 99.8))
    scaled = ((values - low) / max(high - low, 1e-9)).clip(0, 1) ** gamma
    grey = Image.fromarray((scaled * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    stops = np.linspace(0, 255, len(palette))
    table = np.stack([np.interp(np.arange(256), stops, channel) for channel in np.array(palette).T], axis=1)
    return Image.fromarray(table[np.asarray(grey)].astype(np.uint8))


def montage(panels: list[tuple[str, str, Image.Image]], caption: str) -> Image.Image:
    """Panels side by side, each with a title and a line that says what it shows."""
    sheet = Image.new("RGB", (GAP + len(panels) * (SIDE + GAP), HEADER + SIDE + FOOTER), PAPER)
    draw = ImageDraw.Draw(sheet)
    title_font, text_font = ImageFont.load_default(20), ImageFont.load_default(14)
    for index, (title, text, panel) in enumerate(panels):
        left = GAP + index * (SIDE + GAP)
        draw.text((left, 10), title, INK, title_font)
        draw.text((left, 36), text, FAINT, text_font)
        sheet.paste(panel, (left, HEADER))
    draw.text((GAP, HEADER + SIDE + 8), caption, FAINT, text_font)
    return sheet


def scale_bar(panel: Image.Image, angstrom_per_side: float) -> Image.Image:
    """The same panel with a bar of 5 angstrom in its lower left corner."""
    marked = panel.copy()
    draw = ImageDraw.Draw(marked)
    length = round(5 / angstrom_per_side * SIDE)
    draw.rectangle((14, SIDE - 18, 14 + length, SIDE - 14), fill=INK, outline=PAPER)
    draw.text((14, SIDE - 38), "0.5 nm", INK, ImageFont.load_default(14), stroke_width=2, stroke_fill=PAPER)
    return marked


def save_pictures(folder: Path, scan: Electrons, *, disc: float, step: float) -> None:
    """Write `bf.png`, `haadf.png`, `diffraction.png` and `montage.png`. `disc` is the radius of the bright disc in
    pixels, `step` the distance of scan positions in angstrom."""
    bright = coloured(virtual_detector(scan, 0, 0.95 * disc), GREY)
    dark = coloured(virtual_detector(scan, 1.25 * disc, scan.detector), INFERNO, gamma=0.75)
    pattern = coloured(np.log1p(diffraction(scan)), INFERNO, gamma=1.4)
    for name, picture in (("bf", bright), ("haadf", dark), ("diffraction", pattern)):
        picture.save(folder / f"{name}.png")
    across = scan.shape[1] * step
    panels = [
        ("Bright field", "electrons that stayed in the beam: atoms are dark", scale_bar(bright, across)),
        ("HAADF", "electrons thrown far out: gold atoms are bright", scale_bar(dark, across)),
        ("Diffraction", "the sum of all frames on the detector (logarithmic)", pattern),
    ]
    rows, columns = scan.shape
    caption = (
        f"{rows} x {columns} positions, {scan.detector} x {scan.detector} pixels each; {scan.total:,} electrons counted"
    )
    montage(panels, caption).save(folder / "montage.png")
