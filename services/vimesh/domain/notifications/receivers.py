"""Defines receivers: who is told of what, how, and how often."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vimesh.domain.notifications.targets import AlertmanagerTarget, Target
from vimesh.domain.vims import Status

MAX_RECEIVERS: Final = 1000
MAX_RECEIVERS_OF_PROJECT: Final = 100
"""Most receivers of one project, or of all projects together."""
PROBLEM_STATUSES: Final = (Status.UNREACHABLE, Status.UNKNOWN)
GROUP_WAIT_S: Final = 15.0
"""VIMs that are lost at the same moment are noticed within the interval of their probes, which is 10 s by default."""
GROUP_INTERVAL_S: Final = 60.0
REPEAT_INTERVAL_S: Final = 4 * 3600.0
RENEWAL_INTERVAL_S: Final = 60.0
"""As REPEAT_INTERVAL_S, for Alertmanager, where an alert ends unless it is renewed."""
GIVE_UP_AFTER_S: Final = 86400.0
CAUSE: Final = "cause"
"""In `group_by`: what VIMs have in common that were lost together."""
CLAIM_S: Final = 6.0
"""How long a claim of a receiver lasts: another notifier takes over within 10 s, if each asks every 2 s."""


def repeat_interval_of(target: Target) -> float:
    """Return the default of `repeat_interval_s` for a target."""
    return RENEWAL_INTERVAL_S if isinstance(target, AlertmanagerTarget) else REPEAT_INTERVAL_S


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """What people say of a receiver."""

    project_id: str
    """Empty: it is told of the VIMs of all projects."""
    name: str
    target: Target
    filter_text: str = ""
    statuses: tuple[Status, ...] = PROBLEM_STATUSES
    """The statuses that are a problem to tell of."""
    reason_changes: bool = False
    lifecycle_changes: bool = False
    group_by: tuple[str, ...] = ("reason",)
    group_wait_s: float = GROUP_WAIT_S
    group_interval_s: float = GROUP_INTERVAL_S
    repeat_interval_s: float = REPEAT_INTERVAL_S
    """0: a problem that lasts is not told again."""
    give_up_after_s: float = GIVE_UP_AFTER_S
    resolved: bool = True
    """Whether it is told when a problem is over."""
    notify_in_maintenance: bool = False
    notify_flapping: bool = False
    disabled: bool = False

    @property
    def watch_filter(self) -> str:
        """The filter of the VIMs that it may be told of, with its project."""
        if not self.project_id:
            return self.filter_text
        quoted = self.project_id.replace("\\", "\\\\").replace('"', '\\"')
        of_project = f'project_id = "{quoted}"'
        return f"{of_project} AND ({self.filter_text})" if self.filter_text.strip() else of_project


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver as it is stored. Times are by the database's clock."""

    id: str
    settings: ReceiverSettings
    """Without secrets, but for the notifier that has claimed it."""
    creator: str
    """The identity that created it, if it was proved."""
    create_time: dt.datetime
    update_time: dt.datetime
    revision: int
    """Each change up to this one was delivered, is in a dead notification, or is none to tell of."""
    last_delivery_time: dt.datetime | None = None
    last_error: str = ""
    last_error_time: dt.datetime | None = None
    dead_count: int = 0
    disabled_reason: str = ""
    notifier_id: str = ""
    """The notifier that has claimed it; empty if the claim has ended."""
    pending_since: dt.datetime | None = None
    """When the oldest change happened that is still to be told of."""
    dropped_count: int = 0
    """Number of dead notifications that were removed because there were too many."""


@dataclass(frozen=True, slots=True)
class ReceiverClaim:
    """A claim as its notifier knows it."""

    receiver_id: str
    claim: int
    version: int


@dataclass(frozen=True, slots=True)
class UnfinishedDelivery:
    """A notification of which no attempt has succeeded so far, and which is tried again."""

    first_revision: int
    last_revision: int
    """Lowest and highest revision of its changes."""
    tried_for_s: float
    """How long ago the first attempt was; time in which no notifier had the receiver does not count."""
    attempts: int


@dataclass(frozen=True, slots=True)
class ClaimedReceiver:
    receiver_id: str
    claim: int
    """Grows with each claim of the receiver."""
    version: int
    """Grows with each change of the receiver by people."""
    revision: int
    queued_count: int
    receiver: Receiver | None
    """With its secrets; None if the notifier knows this version."""
    unfinished: UnfinishedDelivery | None = None


@dataclass(frozen=True, slots=True)
class AcquiredReceivers:
    """What a notifier has from now on."""

    receivers: Sequence[ClaimedReceiver] = ()
    surplus_count: int = 0
    """How many of them it should release, each once nothing is to be sent to it."""
