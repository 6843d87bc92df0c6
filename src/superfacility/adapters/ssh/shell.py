"""The little program in POSIX sh that runs commands at the other end, and the texts that are sent to it.

sshd starts everything by the user's own shell, and most shells then read start-up files: slow, talkative, or changing
what `squeue` prints. So one shell per channel is started once, replaced by a clean `/bin/sh` that reads requests, and
everything that it or the start-up files said before it is ready is thrown away. It runs one command at a time, each as
the leader of a session of its own, and says on both streams when it has ended. While a command runs a second reader
listens on the same channel: a line, or its end (the gateway died), ends the whole process group: TERM, KILL after 2 s
(a program that has not become the leader of its session yet has no group, and is ended alone).
"""

import base64
import shlex
from collections.abc import Mapping

from superfacility.facility.commands import Command

CLEAN = 'exec /usr/bin/env -i SHELL="$SHELL" /bin/sh'
"""Understood alike by sh, bash, zsh, csh and fish."""
OWN = "exec /bin/sh"
STOP = b"stop\n"
NO_FOLDER = b"CD!"
_BYTE_BY_BYTE = 4096
"""A shell reads lines byte by byte; longer requests are fetched by `head`."""

_PROGRAM = r"""
exec 3<&0
unset CDPATH
line_end='
'
say() { printf '\036%s %3s\036' "$mark" "$1"; printf '\036%s %3s\036' "$mark" "$1" >&2; }
end_group() {
  trap '' TERM
  kill -s TERM -- "-$job" || kill -s TERM "$job"
  tries=0
  while kill -s 0 -- "-$job" && [ "$tries" -lt 20 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL -- "-$job" || kill -s KILL "$job"
}
finish() {
  (IFS= read -r word <&3; end_group) >/dev/null 2>&1 &
  reader=$!
  wait "$job" 2>/dev/null
  code=$?
  kill "$reader" 2>/dev/null
  wait "$reader" 2>/dev/null
  [ "$1" = leave ] || kill -s KILL -- "-$job" 2>/dev/null
  say "$code"
}
missing() { printf 'sh: %s: command not found\n' "$1" >&2; say 127; }
case ${SHELL##*/} in sh | bash | dash | ash | ksh | ksh93 | mksh | zsh) ;; *) SHELL=/bin/bash ;; esac
request=
say 000
while IFS= read -r line; do
  case $line in
    "$mark") eval "$request"; request= ;;
    "$mark "*) eval "$(head -c "${line#* }" <&3)" ;;
    *) request=$request$line$line_end ;;
  esac
done
"""
# The files of a login talk where nobody listens; then the streams are given back.
_QUIET_LOGIN = 'exec 3>&1 4>&2 >/dev/null 2>&1; exec "$0" -l -c "$@"'
_AFTER_LOGIN = 'exec >&3 2>&4 3>&- 4>&-; exec env SHLVL=1 "$@"'
"""A bash below level 2 that sees SSH_CLIENT takes itself for the first one and reads .bashrc, noise and all."""


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _line(words: tuple[str, ...]) -> bytes:
    """The last inch: the only place where an argument list becomes text."""
    return _bytes(shlex.join(words))


def program(mark: str, account: str | None, path: str, environment: Mapping[str, str]) -> bytes:
    """What a fresh shell is sent first. `account` None: the user's own environment is left as it is."""
    lines = [f"mark={mark}"]
    if account is not None:
        lines.append(f"HOME=~{account} USER={account} LOGNAME={account} LANG=C.UTF-8 TERM=dumb")
        lines.append(f"PATH={shlex.quote(path)}")
        lines += [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
        lines.append("export HOME USER LOGNAME SHELL LANG TERM PATH " + " ".join(environment))
    return _bytes("\n".join(lines) + _PROGRAM)


def request(command: Command, mark: str) -> bytes:
    """What runs one command."""
    text = _bytes("cd -- ") + (b'"$HOME"' if command.directory is None else _line((command.directory,)))
    text += b" 2>/dev/null || { say CD!; cd /; false; } && {\n" + _guarded(command) + b"\n}\n"
    if len(text) > _BYTE_BY_BYTE:
        return f"{mark} {len(text)}\n".encode() + text
    return text + f"{mark}\n".encode()


def _guarded(command: Command) -> bytes:
    name = command.arguments[0]
    if command.login or "PATH" in command.environment:
        return _started(command)
    known = (
        b"command -v -- " + _line((name,)) + b" >/dev/null 2>&1 || { missing " + _line((name,)) + b"; false; } && {\n"
    )
    return known + _started(command) + b"\n}"


def _started(command: Command) -> bytes:
    text = b"setsid " + _program(command) + b" 3<&-"
    if command.stdin:
        text = b"base64 -d <<'E' 3<&- | " + text + b" &\n" + base64.encodebytes(command.stdin) + b"E\n"
    else:
        text += b" </dev/null &\n"
    return text + b"job=$!\nfinish " + (b"leave" if command.login else b"nothing")


def _program(command: Command) -> bytes:
    words = command.arguments
    text = b""
    if command.login:
        text = b"sh -c " + _line((_QUIET_LOGIN,)) + b' "$SHELL" ' + _line((_AFTER_LOGIN, "sh")) + b" "
    if command.environment:
        words = ("env", "--", *(f"{name}={value}" for name, value in command.environment.items()), *words)
    return text + _line(words)
