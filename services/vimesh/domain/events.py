"""Defines changes: each is one event with one revision (G8)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from vimesh.domain.conditions.conditions import Certificate, TimedCondition
from vimesh.domain.vims import Engine, Status, View, Vim, VimMaintenance


class EventKind(StrEnum):
    REGISTERED = "REGISTERED"
    MODIFIED = "MODIFIED"
    STATUS_CHANGED = "STATUS_CHANGED"
    REASON_CHANGED = "REASON_CHANGED"
    ACTION_REPLACED = "ACTION_REPLACED"
    DEREGISTERED = "DEREGISTERED"
    MAINTENANCE_STARTED = "MAINTENANCE_STARTED"
    MAINTENANCE_ENDED = "MAINTENANCE_ENDED"
    VIEW_CHANGED = "VIEW_CHANGED"
    CONDITION_CHANGED = "CONDITION_CHANGED"


_POLICY: Final = "probe_policy"
"""The field whose change may add vantages, and stop no action."""
MAINTENANCE_KINDS: Final = frozenset({EventKind.MAINTENANCE_STARTED, EventKind.MAINTENANCE_ENDED})


@dataclass(frozen=True, slots=True)
class VimEvent:
    revision: int
    kind: EventKind
    vim_id: str
    time: dt.datetime
    engine: Engine
    action_id: str
    """The wanted action after the change; for a deregistered VIM, the last one."""
    stopped_action_id: str
    """The action that the change made unwanted, or empty."""
    status: Status
    previous_status: Status
    reason: str
    detail: str
    stopped_engine: Engine
    """Where the stopped action ran; the same as `engine` unless the VIM moved."""
    vim: Vim | None
    """For REGISTERED, MODIFIED and DEREGISTERED: the VIM after the change; `omitted_fields` are empty in it."""
    changed_fields: tuple[str, ...] = ()
    """For MODIFIED: what people changed, as named in the contract; empty if an earlier version wrote the event."""
    omitted_fields: frozenset[str] = frozenset()
    """The bulky fields that the event does not contain: their values are unknown here."""
    project_id: str = ""
    """The project of the VIM."""
    actor: str = ""
    """The identity that made the change, if it was proved; empty for what vimesh does by itself."""
    maintenance: VimMaintenance | None = None
    """For MAINTENANCE_STARTED and MAINTENANCE_ENDED: the maintenance after the change, None if no window is left."""
    view: View | None = None
    """For a change that comes from one of several vantages: what that says since."""
    conditions: tuple[TimedCondition, ...] = ()
    """For CONDITION_CHANGED: those whose status or reason changed, as they were seen."""
    certificate: Certificate | None = None
    """For CONDITION_CHANGED: what the VIM shows since, if it is another one."""
    stopped_views: tuple[str, ...] = ()
    """The actions of vantages that the change made unwanted, besides `stopped_action_id`."""
    filtered_out: bool = False
    """Whether it is shown only because the VIM does not match the filter of a watch after it: see `event_match`."""
    size_bytes: int = field(default=0, compare=False)
    """Approximate size of the event in the log."""

    def starts_in(self, engine: Engine) -> bool:
        """Return whether this change makes an action of the engine wanted."""
        is_divided_anew = self.kind is EventKind.MODIFIED and _POLICY in self.changed_fields
        has_new_action = self.kind is EventKind.REGISTERED or bool(self.stopped_action_id) or is_divided_anew
        return has_new_action and self.kind is not EventKind.DEREGISTERED and self.engine is engine

    def stops_in(self, engine: Engine) -> bool:
        """Return whether this change makes an action of the engine unwanted."""
        return bool(self.stopped_action_id) and self.stopped_engine is engine


@dataclass(frozen=True, slots=True)
class LogSpan:
    """Which revisions the log holds: none if oldest > newest. Creating the log is revision 1 and has no event."""

    oldest: int
    newest: int
    log_id: str
    """Id of the log, which is another one after a backup was restored."""
