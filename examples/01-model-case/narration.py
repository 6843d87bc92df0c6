"""Tells what a step does, what it replaced and how long it took. Nothing here knows the facility."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn


class Narrator:
    """Numbers the steps and keeps their times."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(force_jupyter=False, highlight=False)
        self.times: list[tuple[str, float]] = []

    @contextmanager
    def step(self, title: str, replaces: str) -> Iterator[None]:
        began = time.monotonic()
        self.console.print(f"\n[bold cyan]{len(self.times) + 1}. {escape(title)}[/]")
        self.say(f"[dim]instead of: {escape(replaces)}[/]")
        yield
        seconds = time.monotonic() - began
        self.times.append((title, seconds))
        self.say(f"[green]done in {seconds:.1f} s[/]")

    def say(self, text: str) -> None:
        """A line, in Rich's markup."""
        self.console.print(f"   {text}", soft_wrap=True)

    @contextmanager
    def bar(self, what: str) -> Iterator[Callable[..., None]]:
        """A bar for work that is counted: call with done, total and perhaps a new text."""
        columns = (TextColumn("   {task.description:<28}"), BarColumn(), TaskProgressColumn())
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(escape(what), total=None)

            def show(done: float, total: float, note: str = "") -> None:
                progress.update(task, completed=done, total=total, description=escape(note or what))

            yield show

    @contextmanager
    def reading(self, path: Path) -> Iterator[BinaryIO]:
        """A file opened for reading, with a bar that shows how much of it was read."""
        columns = (TextColumn("   {task.description:<28}"), BarColumn(), DownloadColumn())
        with (
            Progress(*columns, console=self.console) as progress,
            progress.open(path, "rb", description=escape(path.name)) as file,
        ):
            yield file
