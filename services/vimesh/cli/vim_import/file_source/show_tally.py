"""Prints the result of an import."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.cli.base.terminal import printable
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.input.file_entries import Flaw
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.shared_urls import shared_url_lines
from vimesh.cli.vim_import.file_source.batch_results import FileTally
from vimesh.cli.vim_import.file_source.check_file import Plan, Waiting
from vimesh.cli.vim_import.import_tally import Result, describe_counts, describe_number

SHOWN = 20
"""Maximum number of rows to list of each kind; the others are only counted."""
MAX_ORIGINS = 1000
"""Maximum number of lines that tell what became of the entries of another client's file."""
_CHOOSE = "--cloud and --kube-context choose entries"
_TITLES = ("LINE", "NAME", "PROJECT", "REFUSED")


def write(output: Output, tally: FileTally, plan: Plan) -> None:
    """Write a table of the refused VIMs, or a document with all results."""
    if output is not Output.TABLE:
        documents.write(output, _document(tally, plan.flaws) | _origins(plan.waiting))
        return
    rows = [
        (_place(refusal.waiting), refusal.name, refusal.project_id, refusal.why)
        for refusal in sorted(tally.outcomes, key=lambda refusal: refusal.waiting.line)[:SHOWN]
    ]
    if rows:
        text_tables.write(_TITLES, rows)


def _place(waiting: Waiting) -> str:
    return str(waiting.line) if waiting.origin is None else waiting.origin.entry


def _origins(waiting: Sequence[Waiting]) -> dict[str, object]:
    """Return what the entries of another client's file became; nothing for a file of VIMs."""
    entries = [
        {
            "entry": each.origin.entry,
            "name": each.origin.name,
            "type": each.origin.type,
            "auth_url": each.origin.auth_url,
            "remarks": list(each.origin.remarks),
        }
        for each in waiting
        if each.origin is not None
    ]
    return {"entries": entries} if entries else {}


def origin_lines(waiting: Sequence[Waiting]) -> list[str]:
    """Return what each entry of another client's file became, one per line, and which of them have the same URL."""
    origins = [each.origin for each in waiting if each.origin is not None]
    shown = [
        printable("; ".join([f"{each.entry} becomes VIM {each.name}: {each.type}, {each.auth_url}", *each.remarks]))
        for each in origins[:MAX_ORIGINS]
    ]
    more = [f"... and {len(origins) - MAX_ORIGINS} more"] if len(origins) > MAX_ORIGINS else []
    shared = shared_url_lines((each.name, each.auth_url) for each in origins)
    return [*shown, *more, *(printable(f"{line}; {_CHOOSE}") for line in shared)]


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
