"""`#SBATCH` lines of a script: where they are, and the words on them."""

from collections import deque
from collections.abc import Iterator

from superfacility.adapters.embedded.request.options import Options, read_options
from superfacility.adapters.embedded.request.refusal import sbatch_error

_PREFIX = "#SBATCH"
_MARKS = "'\""


def check_script(text: str) -> None:
    """`Refusal`, in Slurm's words, for what is not a script."""
    if not text.strip():
        raise sbatch_error("Batch script is empty!")
    if "\0" in text:
        raise sbatch_error(
            "The SLURM controller does not allow scripts that\nsbatch: error: contain a NULL character '\\0'."
        )
    if not text.startswith("#!"):
        raise sbatch_error(
            "This does not look like a batch script.  The first\n"
            "sbatch: error: line must start with #! followed by the path to an interpreter.\n"
            "sbatch: error: For instance: #!/bin/sh"
        )
    if "\r\n" in text:
        raise sbatch_error(
            "Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of expected UNIX line breaks (\\n)."
        )


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


def read_directives(text: str) -> Options:
    """The options of all `#SBATCH` lines; a later line wins over an earlier one."""
    options = Options()
    for number, line in directive_lines(text):
        try:
            words = split_words(line)
        except ValueError:
            raise sbatch_error(f'line {number}: no closing quote in "#SBATCH{line}"') from None
        found = read_options(words)
        options.values.update(found.values)
        options.unknown.extend(found.unknown)
        options.unknown.extend(found.rest)
    return options
