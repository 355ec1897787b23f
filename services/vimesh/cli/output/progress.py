"""Shows the progress of a long command on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from vimesh.cli.base.terminal import coloured, printable

Show = Callable[[str, int, int | None], None]
"""Takes a description of the work, the number of items done, and the total if it is known."""


@contextmanager
def progress(*, lines_every_s: float | None = None) -> Generator[Show]:
    """Yield a function that shows progress: a bar on a terminal; elsewhere a line every `lines_every_s`, or nothing."""
    if not sys.stderr.isatty():
        yield _silent if lines_every_s is None else _Lines(lines_every_s).show
        return
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import, and a pipe does not need it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

    console = Console(stderr=True, no_color=not coloured(sys.stderr), highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("", total=None)

        def show(what: str, done: int, total: int | None) -> None:
            shown.update(task, description=printable(what), total=total, completed=done)

        yield show


def _silent(what: str, done: int, total: int | None) -> None:
    """Print nothing: scripts do not expect progress."""


class _Lines:
    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next = time.monotonic() + every_s

    def show(self, what: str, done: int, total: int | None) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every_s
        of = "" if total is None else f" of {total}"
        print(f"{printable(what)}: {done}{of}", file=sys.stderr)  # noqa: T201 - for people, apart from the data
