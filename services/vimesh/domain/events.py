"""Changes: one event with one revision each (G8)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from vimesh.domain.vims import Engine, Status, Vim


class EventKind(StrEnum):
    REGISTERED = "REGISTERED"
    MODIFIED = "MODIFIED"
    STATUS_CHANGED = "STATUS_CHANGED"
    REASON_CHANGED = "REASON_CHANGED"
    ACTION_REPLACED = "ACTION_REPLACED"
    DEREGISTERED = "DEREGISTERED"


BULKY_FIELDS: Final = ("description", "vim_project", "auth_cred", "placement_attr", "extra")
"""The fields of a VIM that can be large: an event holds them only where it is about them."""


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
    """The VIM as a REGISTERED, MODIFIED or DEREGISTERED left it, but for `omitted_fields`, which are empty here."""
    changed_fields: tuple[str, ...] = ()
    """What people changed, of a MODIFIED, as the contract names the fields; empty if an earlier version wrote it."""
    omitted_fields: frozenset[str] = frozenset()
    """The bulky fields that the event does not hold: what they are, it does not say."""
    size_bytes: int = field(default=0, compare=False)
    """How much of the log the event takes, about."""

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
