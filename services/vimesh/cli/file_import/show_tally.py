"""What an import says in the end."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.cli.base.command_settings import Output
from vimesh.cli.base.terminal import printable
from vimesh.cli.file_import.import_tally import ImportTally
from vimesh.cli.input.file_entries import Flaw
from vimesh.cli.output import documents, text_tables

SHOWN = 20
"""So many of a kind are listed; the others are counted."""
_TITLES = ("LINE", "NAME", "PROJECT", "REFUSED")


def write(output: Output, ledger: ImportTally, flaws: Sequence[Flaw]) -> None:
    """Write what was refused, for people; or all that is known, for programs."""
    if output is not Output.TABLE:
        documents.write(output, _document(ledger, flaws))
        return
    rows = [
        (str(refusal.waiting.line), refusal.name, refusal.project_id, refusal.why)
        for refusal in sorted(ledger.refusals, key=lambda refusal: refusal.waiting.line)[:SHOWN]
    ]
    if rows:
        text_tables.write(_TITLES, rows)


def _document(ledger: ImportTally, flaws: Sequence[Flaw]) -> dict[str, object]:
    refused = [
        {
            "line": refusal.waiting.line,
            "name": refusal.name,
            "project_id": refusal.project_id,
            "why": refusal.why,
        }
        for refusal in ledger.refusals
    ]
    return {
        "registered": ledger.registered,
        "present": ledger.present,
        "refused": refused,
        "invalid": [{"line": flaw.line, "why": flaw.description} for flaw in flaws],
        "not_done": ledger.left,
    }


def summary(ledger: ImportTally, flaws: Sequence[Flaw]) -> str:
    counts = {
        "registered": ledger.registered,
        "there already": ledger.present,
        "refused": len(ledger.refusals),
        "not fit": len(flaws),
        "not done": ledger.left,
    }
    total = ledger.total + len(flaws)
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    return f"{_vims(total)}: {', '.join(parts)}"


def next_step(*, kept: bool) -> str:
    """Say what can be done about refusals. `kept`: there is a file of them."""
    change = "to change a VIM that is there: vimesh vim set NAME ..."
    return change if kept else f"{change}; --rejects FILE keeps the refused ones"


def fit(count: int) -> str:
    return f"{_vims(count)}: all are fit to be registered. Nothing was changed" if count else "there is no VIM in it"


def _vims(count: int) -> str:
    return "1 VIM" if count == 1 else f"{count} VIMs"


def lines(flaws: Sequence[Flaw]) -> list[str]:
    """Return the first flaws, a line each, and how many more there are."""
    shown = [printable(str(flaw)) for flaw in flaws[:SHOWN]]
    return [*shown, f"... and {len(flaws) - SHOWN} more"] if len(flaws) > SHOWN else shown
