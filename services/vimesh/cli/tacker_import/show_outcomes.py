"""Prints the outcomes of an import: one row per VIM, and the rest on standard error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from vimesh.cli.base.command_settings import Output
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.progress import progress
from vimesh.cli.tacker_import.import_outcome import SETTLED, Outcome, Result
from vimesh.cli.tacker_import.import_run import TackerTally

_TITLES = ("NAME", "ID", "PROJECT", "TYPE", "AUTH_URL", "RESULT")
_WORDS = {
    Result.IMPORT: "to import",
    Result.IMPORTED: "imported",
    Result.PRESENT: "present",
    Result.DIFFERS: "different (left unchanged)",
    Result.CANNOT: "cannot be imported",
    Result.FAILED: "failed",
}


def write(output: Output, ledger: TackerTally) -> None:
    rows = sorted(ledger.outcomes, key=_order)
    if output is Output.TABLE:
        text_tables.write(_TITLES, [row.cells() for row in rows])
    else:
        documents.write(output, [row.document() for row in rows])


def _order(outcome: Outcome) -> tuple[bool, str, str, str]:
    # Outcomes that need attention come last, next to the summary.
    named = outcome.named
    return outcome.result not in SETTLED, named.project_id, named.name, named.vim_id


def summary(ledger: TackerTally, *, apply: bool) -> str:
    counts = ledger.counts()
    parts = [f"{counts[result]} {word}" for result, word in _WORDS.items() if counts[result]]
    if left := ledger.total - len(ledger.outcomes):
        parts.append(f"{left} not done")
    vims = "1 VIM" if ledger.total == 1 else f"{ledger.total} VIMs"
    text = f"{vims}: {', '.join(parts) or 'none found'}"
    if apply:
        return text
    if counts[Result.IMPORT]:
        return f"{text}. Nothing was changed; use --apply to import"
    return f"{text}. Nothing was changed" if left else f"{text}. Nothing to import"


def left_to_do(ledger: TackerTally) -> bool:
    return any(outcome.result not in SETTLED for outcome in ledger.outcomes)


@contextmanager
def progress_of(ledger: TackerTally) -> Generator[None]:
    """Show the progress of the import if standard error is a terminal."""
    with progress() as show:
        ledger.told = lambda: show("VIMs", len(ledger.outcomes), ledger.total or None)
        yield
