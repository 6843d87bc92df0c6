"""One line that shows how far a copy is; nothing where nobody watches."""

import shutil
import sys
import time

from superfacility.cli.user.terminal.output import human_size
from superfacility.client.environment import speaks_utf8

_EVERY = 0.1


class Whole:
    """All files of a copy; how many bytes they have together is known as far as their sizes are."""

    def __init__(self, files: int, size: int) -> None:
        self.files = files
        self.done = 0
        self._size = size
        self._bytes = 0
        self._began = time.monotonic()

    def add(self, size: int) -> None:
        """One more is copied."""
        self.done += 1
        self._bytes += size

    def place(self, done: int) -> str:
        """`[2/5, 34%] ` of the file under way; nothing where it is the only one."""
        if self.files < 2:
            return ""
        share = f", {min((self._bytes + done) / self._size, 1.0):.0%}" if self._size else ""
        return f"[{self.done + 1}/{self.files}{share}] "

    def summary(self) -> str:
        return f"{self.files} files, {_amount(self._bytes, time.monotonic() - self._began)}"


class ProgressLine:
    """Bytes, rate and time left, on standard error, if that is a terminal."""

    def __init__(self, name: str, whole: Whole | None = None) -> None:
        self._name = name
        self._whole = whole
        self._first = 0  # bytes of an earlier try, which say nothing of the rate
        self._shown = sys.stderr.isatty()
        self._began = self._drawn = time.monotonic()
        self._width = self._last = 0
        self._started = False
        self._full, self._empty = ("█", "░") if speaks_utf8() else ("#", ".")

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if not self._started or done < self._last:
            self._started, self._began, self._first = True, now, done
        self._last = done
        if not self._shown or (now - self._drawn < _EVERY and done != total):
            return
        self._drawn = now
        self._draw(self._text(done, total, max(now - self._began, 0.001)))

    def clear(self) -> None:
        if self._width:
            self._draw("")
            sys.stderr.write("\r")
            sys.stderr.flush()

    def summary(self, size: int) -> str:
        """What has moved in the end, and how fast."""
        return _amount(size, time.monotonic() - self._began, size - self._first)

    def _text(self, done: int, total: int | None, seconds: float) -> str:
        rate = (done - self._first) / seconds
        figures = f"{human_size(done)}  {human_size(rate)}/s"
        if total:
            left = (total - done) / rate if rate else 0.0
            share = min(done / total, 1.0)
            bar = self._full * int(share * 20) + self._empty * (20 - int(share * 20))
            figures = f"{bar} {share:4.0%}  {figures}  {_clock(left)} left"
        room = shutil.get_terminal_size().columns - len(figures) - 3
        name = (self._whole.place(done) if self._whole is not None else "") + self._name
        name = name if len(name) <= room else "..." + name[-max(room - 3, 0) :]
        return f"{name}  {figures}" if room > 8 else figures

    def _draw(self, text: str) -> None:
        sys.stderr.write("\r" + text + " " * max(0, self._width - len(text)))
        sys.stderr.flush()
        self._width = len(text)


def _amount(size: int, seconds: float, moved: int | None = None) -> str:
    """`3.1 GiB in 0:42, 75.6 MiB/s`; the time and the rate of what has really moved, if it took a moment."""
    if seconds < 1:
        return human_size(size)
    rate = human_size((size if moved is None else moved) / seconds)
    return f"{human_size(size)} in {_clock(seconds)}, {rate}/s"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
