"""Follows the log as a watcher, and requires what a watcher must receive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.simulation.model.broken import require
from tests.simulation.model.model import Change
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.vims import Engine, Status


@dataclass
class Watcher:
    """Follows the log at any conductor, and folds the changes."""

    revision: int = 1
    seen: dict[str, tuple[Status, str, Engine, str]] = field(default_factory=dict)

    def see(self, events: Sequence[VimEvent], log: Sequence[Change]) -> None:
        """Accept the next changes of the log, each once and in order (G8)."""
        for event in events:
            self.revision += 1
            require("G8", change_of(event), log[self.revision - 2])
            if event.kind is EventKind.DEREGISTERED:
                del self.seen[event.vim_id]
            else:
                self.seen[event.vim_id] = (event.status, event.reason, event.engine, event.action_id)


def change_of(event: VimEvent) -> Change:
    return Change(
        event.revision,
        event.kind,
        event.vim_id,
        event.engine,
        event.action_id,
        event.stopped_action_id,
        event.status,
        event.previous_status,
        event.reason,
    )
