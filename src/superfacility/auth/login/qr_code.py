"""QR codes within the page: no script, no request to anybody."""

import segno
from markupsafe import Markup


def qr_code(text: str) -> Markup:
    """SVG in black and white, whatever the colours of the page."""
    made = segno.make(text, error="m", micro=False)
    return Markup(made.svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None))  # noqa: S704 - made by us
