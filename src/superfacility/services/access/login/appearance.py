"""How our own pages look: the facility's name and colours."""

import re
from dataclasses import dataclass

from superfacility.facility.errors import InvalidInput

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is sent."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Appearance:
    """`support` is a URL or `mailto:` address where people find help."""

    name: str
    colour: str = "#1d4f91"
    logo: Logo | None = None
    support: str | None = None

    def __post_init__(self) -> None:
        if not _COLOUR.fullmatch(self.colour):
            raise InvalidInput(f"appearance.colour: {self.colour!r} is no colour; write one such as #1d4f91.")

    @property
    def on_colour(self) -> str:
        """Black or white, whichever is read better on `colour` (one of them has a contrast of at least 4.5)."""
        light = _luminance(self.colour)
        return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#ffffff"


def _luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
