"""Changes: one event with one revision each (G8)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from vimesh.domain.vims import Engine, Status, Vim


class EventKind(StrEnum):
    REGISTERED = "REGISTERED"
    MODIFIED = "MODIFIED"
    STATUS_CHANGED = "STATUS_CHANGED"
    REASON_CHANGED = "REASON_CHANGED"
    ACTION_REPLACED = "ACTION_REPLACED"
    DEREGISTERED = "DEREGISTERED"


@dataclass(frozen=True, slots=True)
class VimEvent:
    revision: int
    kind: EventKind
    vim_id: str
    time: dt.datetime
    engine: Engine
    action_id: str
    """The wanted action after the change; of a deregistered VIM, the last one."""
    stopped_action_id: str
    """The action that the change made unwanted, or empty."""
    status: Status
    previous_status: Status
    reason: str
    detail: str
    vim: Vim | None
    """The VIM as a REGISTERED, MODIFIED or DEREGISTERED left it."""

    @property
    def moves_actions(self) -> bool:
        """Whether an action is wanted, or not wanted any more, since this change."""
        return self.kind is EventKind.REGISTERED or bool(self.stopped_action_id)


@dataclass(frozen=True, slots=True)
class LogSpan:
    """Which revisions the log holds: none when oldest > newest. Its making is revision 1, without an event."""

    oldest: int
    newest: int
