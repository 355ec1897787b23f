"""Defines notifications: one message to one receiver, about changes of VIMs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from vimesh.domain.vims import Status

MAX_CHANGES: Final = 10_000
"""Most changes in one notification."""
SHOWN_CHANGES: Final = 100
"""Most changes of a notification that people are shown."""


class NotificationKind(StrEnum):
    CHANGES = "CHANGES"
    REMINDER = "REMINDER"
    """Tells again of problems that last."""
    TEST = "TEST"


class NotificationState(StrEnum):
    QUEUED = "QUEUED"
    """People want it to be sent."""
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"
    """It was given up."""


class ChangeKind(StrEnum):
    PROBLEM = "PROBLEM"
    RESOLVED = "RESOLVED"
    REASON_CHANGED = "REASON_CHANGED"
    REGISTERED = "REGISTERED"
    MODIFIED = "MODIFIED"
    DEREGISTERED = "DEREGISTERED"
    REMINDER = "REMINDER"


_PROBLEMS: Final = frozenset({ChangeKind.PROBLEM, ChangeKind.REASON_CHANGED, ChangeKind.REMINDER})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one VIM, as it is told. Nothing in it is secret."""

    revision: int
    kind: ChangeKind
    vim_id: str
    vim_name: str
    vim_type: str
    project_id: str
    auth_url: str
    """Without user info."""
    labels: Mapping[str, str]
    status: Status
    previous_status: Status | None
    reason: str
    detail: str
    time: dt.datetime
    since: dt.datetime | None = None
    """When the problem began."""

    @property
    def key(self) -> str:
        """What names the change for ever, whichever notification it is in, and wherever in it."""
        return f"{self.vim_id} {self.revision} {self.kind}"

    @property
    def is_problem(self) -> bool:
        return self.kind in _PROBLEMS


class VimCounts(NamedTuple):
    """How many VIMs changes are of, and how each of them was left."""

    vims: int
    problems: int
    resolved: int


def latest_of_each(changes: Iterable[Change]) -> list[Change]:
    """Return the newest change of each VIM, in the order in which the VIMs come first."""
    return list({change.vim_id: change for change in changes}.values())


def count_vims(changes: Iterable[Change]) -> VimCounts:
    latest = latest_of_each(changes)
    problems = sum(change.is_problem for change in latest)
    return VimCounts(len(latest), problems, sum(change.kind is ChangeKind.RESOLVED for change in latest))


@dataclass(frozen=True, slots=True)
class Notification:
    id: str
    """The same for each attempt: receivers can drop repeats by it."""
    receiver_id: str
    receiver_name: str
    kind: NotificationKind
    group_key: str
    group: Mapping[str, str]
    """The values that its VIMs have in common, by the names in `Receiver.group_by`."""
    changes: tuple[Change, ...]
    vim_count: int
    problem_count: int
    resolved_count: int

    @property
    def first_revision(self) -> int:
        return min((change.revision for change in self.changes), default=0)

    @property
    def last_revision(self) -> int:
        return max((change.revision for change in self.changes), default=0)


@dataclass(frozen=True, slots=True)
class StoredNotification:
    """A notification on record. Times are by the database's clock."""

    notification: Notification
    state: NotificationState
    create_time: dt.datetime
    first_revision: int
    last_revision: int
    """As in `Notification`, whose changes are left out of lists."""
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class QueuedOutcome:
    """What became of a queued notification."""

    notification_id: str
    delivered: bool
    attempts: int
    error: str = field(default="")
