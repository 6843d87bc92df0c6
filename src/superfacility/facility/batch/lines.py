"""`#SBATCH` lines of a script: where they are, and the words on them."""

from collections import deque
from collections.abc import Iterator

_PREFIX = "#SBATCH"
_MARKS = "'\""


def directive_lines(text: str) -> list[tuple[int, str]]:
    """Line numbers and arguments of `#SBATCH` lines, down to the first line that is neither a comment nor blank."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith(_PREFIX) and line[len(_PREFIX) : len(_PREFIX) + 1] in {"", " ", "\t"}:
            found.append((number, line[len(_PREFIX) :]))
        elif line.strip() and not line.startswith("#"):
            break
    return found


def split_words(line: str) -> list[str]:
    """Words of a directive: quotes group, a backslash escapes outside single quotes, ` #` begins a comment.

    ValueError when a quote stays open. Words are taken apart, never run: no variable or command is expanded.
    """
    words: list[str] = []
    letters = iter(line)
    word = _next_word(letters)
    while word is not None:
        words.append(word)
        word = _next_word(letters)
    return words


def _next_word(letters: Iterator[str]) -> str | None:
    word: list[str] = []
    quote = ""
    begun = False
    for letter in letters:
        if letter == "\\" and quote != "'":
            word.append(next(letters, "\\"))
        elif quote:
            if letter != quote:
                word.append(letter)
            else:
                quote = ""
        elif letter in _MARKS:
            quote = letter
        elif letter.isspace():
            if begun:
                return "".join(word)
            continue
        elif letter == "#" and not begun:
            deque(letters, maxlen=0)
            return None
        else:
            word.append(letter)
        begun = True
    if quote:
        raise ValueError("".join(word))
    return "".join(word) if begun else None
