"""Prints the result of an import."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.cli.base.terminal import printable
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.input.file_entries import Flaw
from vimesh.cli.output import documents, text_tables
from vimesh.cli.vim_import.file_source.batch_results import FileTally
from vimesh.cli.vim_import.import_tally import Result, describe_counts, describe_number

SHOWN = 20
"""Maximum number of rows to list of each kind; the others are only counted."""
_TITLES = ("LINE", "NAME", "PROJECT", "REFUSED")


def write(output: Output, tally: FileTally, flaws: Sequence[Flaw]) -> None:
    """Write a table of the refused VIMs, or a document with all results."""
    if output is not Output.TABLE:
        documents.write(output, _document(tally, flaws))
        return
    rows = [
        (str(refusal.waiting.line), refusal.name, refusal.project_id, refusal.why)
        for refusal in sorted(tally.outcomes, key=lambda refusal: refusal.waiting.line)[:SHOWN]
    ]
    if rows:
        text_tables.write(_TITLES, rows)


def _document(tally: FileTally, flaws: Sequence[Flaw]) -> dict[str, object]:
    refused = [
        {
            "line": refusal.waiting.line,
            "name": refusal.name,
            "project_id": refusal.project_id,
            "why": refusal.why,
        }
        for refusal in tally.outcomes
    ]
    return {
        "registered": tally.counts[Result.IMPORTED],
        "present": tally.counts[Result.PRESENT],
        "refused": refused,
        "invalid": [{"line": flaw.line, "why": flaw.description} for flaw in flaws],
        "not_done": tally.left,
    }


def summary(tally: FileTally, flaws: Sequence[Flaw]) -> str:
    counts = {
        "registered": tally.counts[Result.IMPORTED],
        "already present": tally.counts[Result.PRESENT],
        "refused": tally.counts[Result.FAILED],
        "invalid": len(flaws),
        "not done": tally.left,
    }
    return describe_counts(sum(counts.values()), counts)


def next_step(*, kept: bool) -> str:
    """Return a hint on how to handle refusals. `kept`: whether they were written to a file."""
    change = "to change an existing VIM: vimesh vim set NAME ..."
    return change if kept else f"{change}; to save the refused VIMs: --rejects FILE"


def fit(count: int) -> str:
    return f"{describe_number(count)}: all valid" if count else "the file contains no VIMs"


def lines(flaws: Sequence[Flaw]) -> list[str]:
    """Return the first flaws, one per line, and the number of the others."""
    shown = [printable(str(flaw)) for flaw in flaws[:SHOWN]]
    return [*shown, f"... and {len(flaws) - SHOWN} more"] if len(flaws) > SHOWN else shown
