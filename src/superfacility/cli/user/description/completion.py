"""`sfapi completion`: scripts for shells, made from the commands themselves.

bash   echo 'source <(sfapi completion bash)' >> ~/.bashrc
zsh    sfapi completion zsh > ~/.zfunc/_sfapi
fish   sfapi completion fish > ~/.config/fish/completions/sfapi.fish
"""

from argparse import Action
from collections.abc import Iterator
from dataclasses import dataclass

from superfacility.cli.user.dispatch import parser_of
from superfacility.cli.user.table import TABLE
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.parsing import Parser


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spellings, what it is for, and whether a value follows."""

    names: tuple[str, ...]
    text: str
    takes_value: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What may follow `sfapi COMMAND` or `sfapi NOUN VERB`."""

    path: tuple[str, ...]
    text: str
    verbs: tuple[str, ...]
    options: tuple[Option, ...]
    choices: tuple[str, ...]


def every_command() -> Iterator[Words]:
    for name, (_, text) in TABLE.items():
        parser = parser_of(name)
        yield _words((name,), text, parser)
        for verb, inner in parser.verbs().items():
            yield _words((name, verb), inner.description or "", inner)


def _words(path: tuple[str, ...], text: str, parser: Parser) -> Words:
    actions = parser._actions  # noqa: SLF001 - argparse has no other way to ask
    choices = [each for action in actions if not action.option_strings for each in _choices(action)]
    verbs = tuple(parser.verbs())
    options = tuple(map(_option, (action for action in actions if action.option_strings)))
    return Words(path, text, verbs, options, () if verbs else tuple(choices))


def _choices(action: Action) -> tuple[str, ...]:
    return tuple(map(str, action.choices or ()))


def _option(action: Action) -> Option:
    text = (action.help or "").replace("%%", "%")
    return Option(tuple(action.option_strings), text, action.nargs != 0, _choices(action))


def bash() -> str:
    lines = ["# Completion of sfapi for bash; written by: sfapi completion bash", "_sfapi() {"]
    lines += ['    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words=""']
    lines += [
        '    case "${COMP_WORDS[1]} ${COMP_WORDS[2]}:$COMP_CWORD" in',
        f'        *:1) words="{_first_words()}" ;;',
    ]
    found = list(every_command())
    for each in sorted(found, key=lambda words: -len(words.path)):
        offered = " ".join([*each.verbs, *each.choices, *(name for option in each.options for name in option.names)])
        pattern = f'"{" ".join(each.path)}":*' if len(each.path) == 2 else f'"{each.path[0]} "*'
        lines.append(f'        {pattern}) words="{offered}" ;;')
    lines += ["    esac", '    case "$previous" in']
    for names, choices in _valued(found):
        lines.append(f'        {"|".join(names)}) words="{" ".join(choices)}" ;;')
    lines += [
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        "complete -o default -F _sfapi sfapi",
    ]
    return "\n".join(lines) + "\n"


def zsh() -> str:
    lines = ["#compdef sfapi", "# Completion of sfapi for zsh; written by: sfapi completion zsh", "_sfapi() {"]
    lines += ["    local -a commands offered", "    if (( CURRENT == 2 )); then", "        commands=("]
    for name, text in _all_first():
        lines.append(f"            {_quoted(f'{name}:{text}')}")
    lines += ["        )", "        _describe command commands", "        return", "    fi"]
    lines.append('    case "$words[2] $words[3]" in')
    found = list(every_command())
    for each in sorted(found, key=lambda words: -len(words.path)):
        pattern = f'"{" ".join(each.path)}"' if len(each.path) == 2 else f'"{each.path[0]} "*'
        offered = [*each.verbs, *each.choices, *(name for option in each.options for name in option.names)]
        lines.append(f"        {pattern}) offered=({' '.join(map(_quoted, offered))}) ;;")
    lines += ["    esac", '    case "$words[CURRENT-1]" in']
    for names, choices in _valued(found):
        lines.append(f"        {'|'.join(names)}) offered=({' '.join(map(_quoted, choices))}) ;;")
    lines += [
        "    esac",
        "    compadd -- $offered",
        "    _files",
        "}",
        'if [ "$funcstack[1]" = "_sfapi" ]; then _sfapi "$@"; else compdef _sfapi sfapi; fi',
    ]
    return "\n".join(lines) + "\n"


def fish() -> str:
    lines = ["# Completion of sfapi for fish; written by: sfapi completion fish"]
    first = "complete -c sfapi -f -n __fish_use_subcommand"
    lines += [f"{first} -a {name} -d {_quoted(text)}" for name, text in _all_first()]
    for each in every_command():
        seen = " ".join(each.path)
        condition = f"__fish_seen_subcommand_from {each.path[0]}"
        if len(each.path) == 2:
            condition += f"; and __fish_seen_subcommand_from {each.path[1]}"
        for word in (*each.verbs, *each.choices):
            lines.append(f"complete -c sfapi -n {_quoted(condition)} -a {_quoted(word)} -d {_quoted(seen)}")
        for option in each.options:
            spelled = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            value = f" -x -a {_quoted(' '.join(option.choices))}" if option.choices else " -r" * option.takes_value
            lines.append(f"complete -c sfapi -n {_quoted(condition)} {spelled}{value} -d {_quoted(option.text)}")
    return "\n".join(lines) + "\n"


def _all_first() -> list[tuple[str, str]]:
    return [(name, text) for name, (_, text) in TABLE.items()]


def _first_words() -> str:
    return " ".join(name for name, _ in _all_first())


def _valued(found: list[Words]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Options whose value is one of a few words."""
    return sorted({(option.names, option.choices) for each in found for option in each.options if option.choices})


def _quoted(text: str) -> str:
    """One word for all three shells; fish alone would read a backslash."""
    return "'" + text.replace("'", "’").replace("\\", "/") + "'"


def _arguments(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def _completion(call: Call) -> int:
    call.output.line({"bash": bash, "zsh": zsh, "fish": fish}[call.options.shell]().rstrip("\n"))
    return exits.OK


COMMANDS = {"completion": Command(_completion, _arguments, answers=None)}
