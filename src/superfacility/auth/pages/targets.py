"""Where a login leads on to: paths of our own site, never anybody else's."""

import re

LONGEST = 2560
"""It travels in a cookie while somebody is at an identity provider; a cookie has 4096 bytes."""
_SAFE = r"A-Za-z0-9._~!$&'()*+,;=:@%-"
_PATH = re.compile(rf"(?:/[{_SAFE}]+)*/?(?:\?[{_SAFE}/?\[\]{{}}|^`]*)?")


def safe_target(text: str | None) -> str | None:
    """The text, if every browser takes it for a path (and query) of this site; else None.

    Browsers read `//host`, `/\\host` and control characters within as another site's address.
    """
    if text is None or len(text) > LONGEST or not text.startswith("/") or not _PATH.fullmatch(text):
        return None
    return text
