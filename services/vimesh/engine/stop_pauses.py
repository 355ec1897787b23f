"""How long a ping action may take to exit by itself."""

from __future__ import annotations

from vimesh.engine.workflow_engine import Stop

GONE_PAUSES_S = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 15.0, 15.0)
"""Between the attempts to stop the action of a VIM that is gone. Together 75 s: a contact interval of at most 60 s, and
the time to exit."""
REPLACED_PAUSES_S = (1.0, 1.0, 2.0, 3.0, 5.0)
"""The same for an action that was replaced, together 12 s. The VIM's next change has to wait for it, and monitoring the
VIM is worth more than a quiet log; an action whose executor died never exits."""


def pause_after(stop: Stop) -> float | None:
    """Return how long to wait before the next attempt; None if the action's time is up.

    Attempts that failed for other reasons count, because they took time, too: an engine that is away is not a reason
    to wait longer.
    """
    pauses_s = GONE_PAUSES_S if stop.vim_gone else REPLACED_PAUSES_S
    return pauses_s[stop.attempt - 1] if stop.attempt <= len(pauses_s) else None
