"""Decides when a group is told of: of what is new, and again of problems that last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heappop, heappush
from math import inf
from typing import Final

from vimesh.domain.notifications.receivers import CAUSE, ReceiverSettings
from vimesh.notifier.agenda.agenda_values import VimFacts

_LABELS: Final = "labels."
MAX_KEY_BYTES: Final = 2048
"""What a notice may have on record."""
_ABBREVIATED_CHARS: Final = 8


def needs_facts(group_by: tuple[str, ...]) -> bool:
    """Return whether a group depends on more than the change itself says."""
    return any(field_name != "reason" for field_name in group_by)


def group_key(group_by: tuple[str, ...], reason: str, facts: VimFacts | None) -> str:
    """Return the key of a group: its values as JSON, in the order of `group_by`. At most MAX_KEY_BYTES."""
    facts = facts or VimFacts("")
    values = {"reason": reason, "project_id": facts.project_id, "type": facts.type, CAUSE: facts.cause}
    values |= {name: facts.labels.get(name.removeprefix(_LABELS), "") for name in group_by if name.startswith(_LABELS)}
    key = _json({name: values.get(name, "") for name in group_by})
    if len(key.encode()) <= MAX_KEY_BYTES:
        return key
    return _json({name: _abbreviated(values.get(name, "")) for name in group_by})


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _abbreviated(value: str) -> str:
    """Return a value, or if it is long its beginning, and what tells it from others that begin so."""
    if len(value) <= _ABBREVIATED_CHARS:
        return value
    return f"{value[:_ABBREVIATED_CHARS]}…{sha256(value.encode()).hexdigest()[:12]}"


def group_values(key: str) -> Mapping[str, str]:
    values = json.loads(key) if key else {}
    return values if isinstance(values, dict) else {}


@dataclass(slots=True)
class Group:
    """VIMs that are told of together."""

    key: str
    untold: dict[str, float] = field(default_factory=dict)
    """VIMs with changes that are to be told, and since when they wait, the longest first."""
    problems: dict[str, float] = field(default_factory=dict)
    """VIMs whose problem was told, and when it was told last."""
    last_sent: float | None = None
    is_cut: bool = False
    """Whether the last notification could not hold all: the rest is due at once."""
    scheduled_at: float | None = None
    """Where it stands in the queue; see Groups."""
    _told_since: float = inf
    """No problem was told longer ago than this."""

    def note_problem(self, vim_id: str, told_at: float) -> None:
        self.problems[vim_id] = told_at
        self._told_since = min(self._told_since, told_at)

    def changes_due_at(self, rules: ReceiverSettings) -> float | None:
        if not self.untold:
            return None
        if self.is_cut:
            return 0.0
        due_at = next(iter(self.untold.values())) + rules.group_wait_s
        return due_at if self.last_sent is None else max(due_at, self.last_sent + rules.group_interval_s)

    def reminder_due_at(self, rules: ReceiverSettings) -> float | None:
        if not self.problems or not rules.repeat_interval_s:
            return None
        return self._told_since + rules.repeat_interval_s

    def refresh(self) -> None:
        """Find out when the problem was told that was told the longest ago."""
        self._told_since = min(self.problems.values(), default=inf)

    def is_idle(self, rules: ReceiverSettings, now: float) -> bool:
        """Return whether nothing depends on the group any more."""
        if self.untold or self.problems:
            return False
        return self.last_sent is None or self.last_sent + rules.group_interval_s <= now

    def due_at(self, rules: ReceiverSettings) -> float | None:
        """Return when to look at the group; None: not before something happens to it."""
        times = [at for at in (self.changes_due_at(rules), self.reminder_due_at(rules)) if at is not None]
        if not times and not self.problems and self.last_sent is not None:
            return self.last_sent + rules.group_interval_s
        return min(times, default=None)


class Groups:
    """All groups of a receiver, and a queue of them by the time at which they are due."""

    def __init__(self, rules: ReceiverSettings) -> None:
        self._rules = rules
        self._groups: dict[str, Group] = {}
        self._queue: list[tuple[float, str]] = []
        """Each group that will be due has an entry that is not later than that."""

    def get(self, key: str) -> Group:
        """Return the group, which is made if it is missing. Call `schedule` after a change of it."""
        return self._groups.setdefault(key, Group(key))

    def schedule(self, group: Group) -> None:
        due_at = group.due_at(self._rules)
        if due_at is not None and (group.scheduled_at is None or due_at < group.scheduled_at):
            group.scheduled_at = due_at
            heappush(self._queue, (due_at, group.key))

    def next_due(self, now: float) -> Group | None:
        """Return the group that has been due for the longest time; None if none is due."""
        while self._queue and self._queue[0][0] <= now:
            at, key = heappop(self._queue)
            group = self._groups.get(key)
            if group is None or group.scheduled_at != at:
                continue
            group.scheduled_at = None
            group.refresh()
            if group.is_idle(self._rules, now):
                del self._groups[key]
                continue
            self.schedule(group)
            due_at = group.due_at(self._rules)
            if due_at is not None and due_at <= now:
                return group
        return None

    def has_interval(self, now: float) -> bool:
        """Return whether a group was told lately that has no notice to say so."""
        return any(not (group.problems or group.is_idle(self._rules, now)) for group in self._groups.values())

    def wake_at(self) -> float | None:
        """Return when to ask `next_due` again; None: not before something changes."""
        return self._queue[0][0] if self._queue else None
