"""What went wrong with a path, said as GNU's tools say it; programs read these words."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from superfacility.facility.errors import FileProblem

_PLAIN_IN_DOUBLE_QUOTES = frozenset('"$`\\!')
_ESCAPES = {"\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r"}


def _escape(letter: str) -> str:
    short = _ESCAPES.get(letter)
    return short or "".join(f"\\{byte:03o}" for byte in _bytes(letter))


def _bytes(letter: str) -> bytes:
    try:
        return os.fsencode(letter)
    except UnicodeEncodeError:  # half of a surrogate pair: no file has it in its name
        return letter.encode(errors="surrogatepass")


def quoted(path: str) -> str:
    """As a shell could read it back: `'/a b'`, `"/it's"`, `'/a'$'\\n''b'`. Always printable."""
    if path.isprintable():
        if "'" not in path:
            return f"'{path}'"
        if not _PLAIN_IN_DOUBLE_QUOTES.intersection(path):
            return f'"{path}"'
    parts = [
        letter if letter.isprintable() and letter != "'" else "'\\''" if letter == "'" else f"'$'{_escape(letter)}''"
        for letter in path
    ]
    return "'" + "".join(parts).replace("''$'", "") + "'"


@contextmanager
def worded(tool: str, path: str) -> Iterator[None]:
    """Turn an `OSError` into a `FileProblem`; `tool` is what comes before the path: `ls: cannot access`."""
    try:
        yield
    except OSError as error:
        raise FileProblem(f"{tool} {quoted(path)}: {error.strerror or error}") from error
