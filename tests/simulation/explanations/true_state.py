"""Models what a VIM is, in plain Python, and what it must read then. It shares only words with the code under test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from vimesh.domain.explain.claims import LeasePhase
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine, Status

TELLING = (Status.REACHABLE, Status.UNREACHABLE)


@dataclass
class TrueLook:
    """An action, with what it said last."""

    vantage: str
    action_id: str
    end: float
    """Of its lease, or before its first report of the time for it; seconds since 1970."""
    status: Status = Status.PENDING
    reason: str = ""
    detail: str = ""
    heard: bool = False
    holds: bool = False
    unheard: int = 0

    def runs(self, now: float) -> bool:
        return self.end >= now

    def phase(self, now: float) -> LeasePhase:
        if self.heard:
            return LeasePhase.RUNNING if self.runs(now) else LeasePhase.ENDED
        return LeasePhase.STARTING if self.runs(now) else LeasePhase.OVERDUE

    def reading(self, now: float) -> tuple[Status, str]:
        """Return what it reads: silence is not health."""
        return (Status.UNKNOWN, Reason.SILENT) if self.holds and not self.runs(now) else (self.status, self.reason)


@dataclass
class TrueTask:
    kind: TodoKind
    action_id: str
    due: float
    attempts: int = 0
    error: str = ""
    claim: tuple[str, str] | None = None
    """Its id and the token of its claim."""

    def is_claimed(self, now: float) -> bool:
        return self.claim is not None and self.due > now


@dataclass
class TrueMonitor:
    monitor_id: str
    vantage: str
    end: float
    draining: bool = False


@dataclass
class TrueChange:
    revision: int
    status: Status
    previous: Status
    reason: str


@dataclass
class TrueVim:
    vim_id: str
    name: str
    engine: Engine
    policy: ProbePolicy
    looks: list[TrueLook]
    tasks: list[TrueTask] = field(default_factory=list)
    changes: list[TrueChange] = field(default_factory=list)
    maintenance: tuple[str, str] | None = None
    """Its id and its reason."""
    cause_id: str = ""
    conditions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What was seen last: the status and the reason of each condition."""
    certificate_end: float = 0.0
    """Of the certificate that it showed last; 0: none was seen."""
    rounds: int = 0
    answered: int = 0
    lost: int = 0

    @property
    def has_views(self) -> bool:
        return len(self.looks) > 1

    def reading(self, now: float) -> tuple[Status, str]:
        """Return the status and its reason, as readers must see them at a time."""
        if not self.has_views:
            return self.looks[0].reading(now)
        recorded = conclusion([(look.status, look.reason) for look in self.looks], self.policy.quorum)
        ends = sorted(look.end for look in self.looks if look.holds)
        ended = [end for end in ends if end < now]
        for end in ended:
            then = [
                (Status.UNKNOWN, Reason.SILENT) if look.holds and look.end <= end else (look.status, look.reason)
                for look in self.looks
            ]
            if conclusion(then, self.policy.quorum)[0] is not recorded[0]:
                return Status.UNKNOWN, Reason.SILENT
        if ends and len(ended) == len(ends):
            return Status.UNKNOWN, Reason.SILENT
        return recorded

    def is_waiting(self) -> bool:
        """Whether its engine was not told yet to start the wanted action."""
        return self.engine is Engine.MISTRAL and any(
            task.kind is TodoKind.START and task.action_id == self.looks[0].action_id for task in self.tasks
        )

    def open_tasks(self) -> list[TrueTask]:
        wanted = {look.action_id for look in self.looks}
        return [task for task in self.tasks if task.kind is TodoKind.STOP or task.action_id in wanted]


def conclusion(said: list[tuple[Status, str]], quorum: int) -> tuple[Status, str]:
    """Return which status follows from what vantages say, with its reason."""
    counts = Counter(status for status, _ in said if status in TELLING)
    needed = quorum or sum(counts.values()) // 2 + 1
    if counts[Status.UNREACHABLE] >= needed:
        reasons = [reason for status, reason in said if status is Status.UNREACHABLE]
        return Status.UNREACHABLE, max(reasons, key=reasons.count)
    if counts[Status.REACHABLE] >= needed:
        return Status.REACHABLE, ""
    if all(status is Status.PENDING for status, _ in said):
        return Status.PENDING, ""
    return Status.UNKNOWN, Reason.NO_QUORUM if sum(counts.values()) < needed else Reason.DISPUTED


@dataclass
class TrueWorld:
    """A VIM, and the monitors that could have it."""

    vim: TrueVim
    monitors: list[TrueMonitor] = field(default_factory=list)

    def monitors_at(self, vantage: str) -> list[TrueMonitor]:
        return [monitor for monitor in self.monitors if monitor.vantage == vantage]
