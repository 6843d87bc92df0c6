"""Reading of command lines as GNU getopt does it: options anywhere, `--name=value`, `--name value`, `-xvalue`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from superfacility.adapters.embedded.programs.asking import Failure


@dataclass(slots=True)
class Arguments:
    """Options by long name (the last wins; a flag has an empty value) and all other words."""

    options: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Syntax:
    """The options of one program: long names, with short ones. `optional` take a value only behind `=`."""

    program: str
    values: Mapping[str, str]
    flags: Mapping[str, str]
    optional: frozenset[str] = frozenset()

    def parse(self, words: Sequence[str]) -> Arguments:
        found = Arguments()
        remaining = list(words)
        while remaining:
            word = remaining.pop(0)
            if word == "--":
                found.words += remaining
                break
            if word.startswith("--"):
                self._long(word[2:], remaining, found)
            elif word.startswith("-") and len(word) > 1:
                self._short(word[1:], remaining, found)
            else:
                found.words.append(word)
        return found

    def _long(self, word: str, remaining: list[str], found: Arguments) -> None:
        name, equals, value = word.partition("=")
        if name in self.flags or name in self.optional:
            found.options[name] = value
        elif name not in self.values:
            raise Failure(
                f"{self.program}: unrecognized option '--{name}'\nTry \"{self.program} --help\" for more information"
            )
        elif equals:
            found.options[name] = value
        elif remaining:
            found.options[name] = remaining.pop(0)
        else:
            raise Failure(f"{self.program}: option '--{name}' requires an argument")

    def _short(self, letters: str, remaining: list[str], found: Arguments) -> None:
        flags = {short: name for name, short in self.flags.items() if short}
        values = {short: name for name, short in self.values.items() if short}
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in flags:
                found.options[flags[letter]] = ""
            elif letter not in values:
                raise Failure(
                    f"{self.program}: invalid option -- '{letter}'\nTry \"{self.program} --help\" for more information"
                )
            elif letters or remaining:
                found.options[values[letter]] = letters.removeprefix("=") if letters else remaining.pop(0)
                return
            else:
                raise Failure(f"{self.program}: option requires an argument -- '{letter}'")


def names(text: str | None) -> frozenset[str]:
    """A comma list; nothing for no list."""
    return frozenset(each for each in (text or "").split(",") if each)
