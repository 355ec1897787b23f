"""Prints the outcomes of an import: one row per VIM, and the rest on standard error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.progress import progress
from vimesh.cli.vim_import.import_tally import Result, describe_counts
from vimesh.cli.vim_import.tacker_source.import_outcome import SETTLED, Outcome, TackerTally

_TITLES = ("NAME", "ID", "PROJECT", "TYPE", "AUTH_URL", "RESULT")
_WORDS = {
    Result.IMPORT: "to import",
    Result.IMPORTED: "imported",
    Result.PRESENT: "present",
    Result.DIFFERS: "different (left unchanged)",
    Result.CANNOT: "cannot be imported",
    Result.FAILED: "failed",
}


def write(output: Output, tally: TackerTally) -> None:
    rows = sorted(tally.outcomes, key=_order)
    if output is Output.TABLE:
        text_tables.write(_TITLES, [row.cells() for row in rows])
    else:
        documents.write(output, [row.document() for row in rows])


def _order(outcome: Outcome) -> tuple[bool, str, str, str]:
    # Outcomes that need attention come last, next to the summary.
    named = outcome.named
    return outcome.result not in SETTLED, named.project_id, named.name, named.vim_id


def summary(tally: TackerTally, *, apply: bool) -> str:
    counts = {word: tally.counts[result] for result, word in _WORDS.items()}
    text = describe_counts(tally.total or 0, {**counts, "not done": tally.left}, if_none="none found")
    if apply:
        return text
    if tally.counts[Result.IMPORT]:
        return f"{text}. Nothing was changed; use --apply to import"
    return f"{text}. Nothing was changed" if tally.left else f"{text}. Nothing to import"


def left_to_do(tally: TackerTally) -> bool:
    return not SETTLED.issuperset(tally.counts)


@contextmanager
def progress_of(tally: TackerTally) -> Generator[None]:
    """Show the progress of the import if standard error is a terminal."""
    with progress() as show:
        tally.on_change = lambda: show("VIMs", tally.done, tally.total or None)
        yield
