"""What an import says: a row for each VIM, and the rest on standard error."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from vimesh.cli.importing.outcome import SETTLED, Outcome, Result
from vimesh.cli.importing.run import Ledger
from vimesh.cli.settings import Output
from vimesh.cli.terminal import coloured
from vimesh.cli.vim import documents, tables

_TITLES = ("NAME", "ID", "PROJECT", "TYPE", "AUTH_URL", "RESULT")
_WORDS = {
    Result.IMPORT: "to import",
    Result.IMPORTED: "imported",
    Result.PRESENT: "present",
    Result.DIFFERS: "differing and left alone",
    Result.CANNOT: "cannot be imported",
    Result.FAILED: "failed",
}


def write(output: Output, ledger: Ledger) -> None:
    rows = sorted(ledger.outcomes, key=_order)
    if output is Output.TABLE:
        tables.write(_TITLES, [row.cells() for row in rows])
    else:
        documents.write(output, [row.document() for row in rows])


def _order(outcome: Outcome) -> tuple[bool, str, str, str]:
    # What somebody has to look at stands last, next to the summary.
    named = outcome.named
    return outcome.result not in SETTLED, named.project_id, named.name, named.vim_id


def summary(ledger: Ledger, *, apply: bool) -> str:
    counts = ledger.counts()
    parts = [f"{counts[result]} {word}" for result, word in _WORDS.items() if counts[result]]
    if left := ledger.total - len(ledger.outcomes):
        parts.append(f"{left} not done")
    vims = "1 VIM" if ledger.total == 1 else f"{ledger.total} VIMs"
    text = f"{vims}: {', '.join(parts) or 'none is there'}"
    if apply:
        return text
    if counts[Result.IMPORT]:
        return f"{text}. Nothing was changed; --apply imports"
    return f"{text}. Nothing was changed" if left else f"{text}. There is nothing to import"


def left_to_do(ledger: Ledger) -> bool:
    return any(outcome.result not in SETTLED for outcome in ledger.outcomes)


@contextmanager
def progress(ledger: Ledger) -> Generator[None]:
    """Show how the ledger grows, if somebody sits at a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes its time, and a pipe does without
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    console = Console(stderr=True, no_color=not coloured(sys.stderr), highlight=False)
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("VIMs", total=None)
        ledger.told = lambda: shown.update(task, total=ledger.total, completed=len(ledger.outcomes))
        yield
