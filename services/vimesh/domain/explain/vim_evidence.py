"""Defines what an explanation is made of, as it was read in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from vimesh.domain.access.caller import OPEN_CALLER, Caller, without_action_id
from vimesh.domain.causes.causes import CommonCause
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Status, Vim

ROUNDS_S: Final = 900
"""How far back rounds of probes are counted."""
MAX_CHANGES: Final = 5
"""How many of the newest changes of the status are named."""
MAX_TASKS: Final = 5
"""How many open tasks are named, the oldest: each change of a VIM may leave one, while the engine is away."""


@dataclass(frozen=True, slots=True)
class ActionLease:
    """The time that an action has. Of a VIM with several vantages, each has an action."""

    vantage: str
    """Empty if the VIM has one action."""
    end_time: dt.datetime
    """The end of the lease, or before the first report that of the time for it."""
    has_reported: bool
    is_running: bool
    """Whether that time is not over."""


@dataclass(frozen=True, slots=True)
class MonitorDuty:
    """Which monitor of a vantage has the VIM by the assignment. There may be others, which are outside the pool."""

    vantage: str
    monitor_id: str = ""
    """Empty if no monitor of the pool is there."""
    is_alive: bool = False
    """Whether its lease has not ended."""
    is_draining: bool = False
    has_living: bool = False
    """Whether any monitor of the pool is alive there: another one takes over from one that is not."""
    lease_end: dt.datetime | None = None
    """Of the monitor in the pool."""
    monitors: int | None = 0
    """How many monitors of the pool are there; None: the caller is not to know."""
    living_monitors: int | None = 0
    """How many of them are alive; None: the caller is not to know."""

    @property
    def has_another(self) -> bool:
        """Whether a second monitor could be asked for its opinion, as far as is known here."""
        return (self.living_monitors or 0) > 1


@dataclass(frozen=True, slots=True)
class OpenTask:
    """What a workflow engine has not done yet."""

    kind: TodoKind
    action_id: str
    is_void: bool
    """Whether it is to start an action that is not wanted any more: it is dropped when its turn comes."""
    attempts: int
    """How often it was begun."""
    error: str
    """Why the last attempt failed; empty if it did not."""
    due_time: dt.datetime
    """When it can be begun again; of one that is claimed, when the claim ends."""
    is_claimed: bool
    """Whether somebody works on it, and the claim has not ended."""
    create_time: dt.datetime | None
    """None: the change that caused it is no longer kept."""


@dataclass(frozen=True, slots=True)
class RoundTotals:
    """What the recorded rounds of the last ROUNDS_S came to."""

    rounds: int
    answered: int
    lost: int
    """Probes without an answer in time."""
    sum_s: float
    """Of the round trips of the answered rounds; the others are the shortest and the longest."""
    min_s: float
    max_s: float
    last_time: dt.datetime
    """The end of the last minute of which there is something."""


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change of the status."""

    revision: int
    time: dt.datetime
    status: Status
    previous_status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class VimEvidence:
    """All that an explanation needs to know of a VIM. Times are by the database's clock."""

    as_of: dt.datetime
    vim: Vim
    leases: Sequence[ActionLease]
    """Of its action; or of each vantage, in the order of the policy."""
    holds: bool
    """Whether the status is that of a last report, whose lease may have ended since."""
    duties: Sequence[MonitorDuty] = ()
    """One for each vantage; none for actions that no monitor runs."""
    tasks: Sequence[OpenTask] = ()
    """The oldest first."""
    cause: CommonCause | None = None
    """That of `vim.cause`, counted for the caller."""
    rounds: RoundTotals | None = None
    """None: nothing was recorded."""
    changes: Sequence[PastChange] = ()
    """The newest first."""


class ExplainStore(Protocol):
    """Reads what explanations are made of. Raises StoreUnavailable and Overloaded as VimStore does."""

    async def read_evidence(self, vim_id: str, caller: Caller = OPEN_CALLER) -> VimEvidence:
        """Return what is known of a VIM, all of one moment, as far as the caller may know them. Raises VimNotFound."""


def evidence_for(evidence: VimEvidence, caller: Caller) -> VimEvidence:
    """Return the evidence without what the caller may not know: ids of actions, and how many monitors there are."""
    engine = evidence.vim.monitor.engine
    hides_monitors = caller.projects is not None
    if engine in caller.shown_engines and not hides_monitors:
        return evidence
    hidden = {evidence.vim.monitor.action_id, *(task.action_id for task in evidence.tasks)} - {""}
    vim, tasks = evidence.vim, evidence.tasks
    if engine not in caller.shown_engines:
        vim = without_action_id(vim, caller.shown_engines)
        vim = replace(vim, monitor=replace(vim.monitor, last_error=_without(vim.monitor.last_error, hidden)))
        tasks = [replace(task, action_id="", error=_without(task.error, hidden)) for task in tasks]
    duties = evidence.duties
    if hides_monitors:
        duties = [replace(duty, monitors=None, living_monitors=None) for duty in duties]
    return replace(evidence, vim=vim, tasks=tasks, duties=duties)


def _without(text: str, hidden: set[str]) -> str:
    # Errors of Mistral name the execution, which has the id of its action.
    for word in hidden:
        text = text.replace(word, "***")
    return text
