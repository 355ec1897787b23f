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
    stopped_engine: Engine
    """Where the stopped action ran; the same as `engine` unless the VIM moved."""
    vim: Vim | None
    """The VIM as a REGISTERED, MODIFIED or DEREGISTERED left it."""

    def starts_in(self, engine: Engine) -> bool:
        """Say whether an action of this engine is wanted since this change."""
        moved = self.kind is EventKind.REGISTERED or bool(self.stopped_action_id)
        return moved and self.kind is not EventKind.DEREGISTERED and self.engine is engine

    def stops_in(self, engine: Engine) -> bool:
        """Say whether an action of this engine is not wanted any more since this change."""
        return bool(self.stopped_action_id) and self.stopped_engine is engine


@dataclass(frozen=True, slots=True)
class LogSpan:
    """Which revisions the log holds: none when oldest > newest. Its making is revision 1, without an event."""

    oldest: int
    newest: int
