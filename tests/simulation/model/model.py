"""Models the behaviour that conductors must have, in plain Python. It shares only words with the code under test."""

from __future__ import annotations

from dataclasses import dataclass, field

from vimesh.domain.events import EventKind
from vimesh.domain.probing import Reason
from vimesh.domain.vims import BadAction, Engine, Late, MonitorState, Outcome, Recorded, Report, Status

GRACE_S = 60
LONGEST_GRACE_S = 3600
LONGEST_LEASE_S = 180


@dataclass
class Known:
    """One VIM as it is on record."""

    vim_id: str
    engine: Engine
    auth_url: str
    action_id: str
    lease_end: int
    """In seconds of the model's clock; before the first report, the end of the start grace."""
    description: str = ""
    status: Status = Status.PENDING
    reason: str = ""
    observation: int = 0
    holds: bool = False
    """Whether the status is the last report of the action."""
    heard: bool = False
    unheard: int = 0
    """Number of consecutive actions that were replaced without ever having reported."""
    revision: int = 0


@dataclass(frozen=True)
class Change:
    """The required content of one event."""

    revision: int
    kind: EventKind
    vim_id: str
    engine: Engine
    action_id: str
    stopped_action_id: str
    status: Status
    previous_status: Status
    reason: str


@dataclass
class Model:
    now: int = 0
    vims: dict[str, Known] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)

    @property
    def newest(self) -> int:
        """The newest revision: an empty log has 1."""
        return len(self.log) + 1

    # --- what people do

    def register(self, vim_id: str, engine: Engine, auth_url: str, action_id: str) -> None:
        vim = self.vims[vim_id] = Known(vim_id, engine, auth_url, action_id, self.now + GRACE_S)
        self._add(EventKind.REGISTERED, vim, Status.PENDING)

    def moves(self, vim_id: str, auth_url: str | None, engine: Engine | None) -> bool:
        """Return whether a modification brings a new action (G11)."""
        vim = self.vims[vim_id]
        return auth_url not in (None, vim.auth_url) or engine not in (None, vim.engine) or self.opens(vim_id, engine)

    def opens(self, vim_id: str, engine: Engine | None) -> bool:
        """Return whether the new action is the one that knows only its VIM: never if that was the old one (G11)."""
        return engine is Engine.EXTERNAL and self.vims[vim_id].action_id != vim_id

    def modify(
        self, vim_id: str, auth_url: str | None, description: str | None, engine: Engine | None, action_id: str
    ) -> None:
        """Change the VIM; `action_id` is the new action if one is needed."""
        vim = self.vims[vim_id]
        moves = self.moves(vim_id, auth_url, engine)
        if not moves and description in (None, vim.description):
            return
        self._tell_silence(vim)
        previous, stopped = vim.status, ""
        vim.description = description or vim.description
        if moves:
            stopped = vim.action_id
            self.vims[vim_id] = vim = Known(
                vim_id,
                engine or vim.engine,
                auth_url or vim.auth_url,
                action_id,
                self.now + GRACE_S,
                vim.description,
            )
        self._add(EventKind.MODIFIED, vim, previous, stopped)

    def deregister(self, vim_id: str) -> None:
        vim = self.vims.pop(vim_id)
        self._tell_silence(vim)
        self._add(EventKind.DEREGISTERED, vim, vim.status, vim.action_id)

    # --- what actions report

    def answer(self, report: Report) -> Outcome:
        """Return the answer to a report. Recorded stands for every answer with the reported status."""
        vim = self.vims.get(report.vim_id)
        if vim is None or vim.action_id != report.action_id:
            return BadAction()
        number, same = report.observation, self._is_same(vim, report)
        clashes = number == vim.observation and self._holds_now(vim) and not same
        if number and (number < vim.observation or clashes):
            return Late(self.shown(vim)[0], vim.observation)
        return Recorded(report.status)

    def writes(self, report: Report, lease_s: int) -> bool:
        """Return whether the report changes anything in the database."""
        outcome, vim = self.answer(report), self.vims.get(report.vim_id)
        if vim is None or isinstance(outcome, BadAction):
            return False
        left_s = vim.lease_end - self.now
        return self._is_news(vim, report, outcome) or not vim.heard or not 0.6 * lease_s <= left_s <= LONGEST_LEASE_S

    def deliver(self, report: Report, lease_s: int) -> Outcome:
        outcome = self.answer(report)
        if not self.writes(report, lease_s):
            return outcome
        vim = self.vims[report.vim_id]
        news = self._is_news(vim, report, outcome)
        self._tell_silence(vim)
        # No lease becomes shorter.
        kept = min(vim.lease_end, self.now + LONGEST_LEASE_S) if vim.holds else 0
        vim.lease_end, vim.heard, vim.unheard = max(self.now + lease_s, kept), True, 0
        if news:
            self._take_over(vim, report)
        return outcome

    def _is_news(self, vim: Known, report: Report, outcome: Outcome) -> bool:
        """Return whether a report counts, and differs from the last one."""
        repeats = self._is_same(vim, report) and report.observation in (0, vim.observation)
        return isinstance(outcome, Recorded) and not (repeats and self._holds_now(vim))

    def _take_over(self, vim: Known, report: Report) -> None:
        previous, changed = vim.status, not self._is_same(vim, report)
        vim.status, vim.reason, vim.holds = report.status, report.reason, True
        vim.observation = report.observation or vim.observation
        if changed:
            self._add(_kind(previous, vim.status), vim, previous)

    # --- what happens as time passes

    def shown(self, vim: Known) -> tuple[Status, str]:
        """Return what a reader sees (G6)."""
        return (Status.UNKNOWN, Reason.SILENT) if vim.holds and self._ended(vim) else (vim.status, vim.reason)

    def state(self, vim: Known) -> MonitorState:
        if self._ended(vim):
            return MonitorState.SILENT
        return MonitorState.RUNNING if vim.heard else MonitorState.STARTING

    def silent(self) -> dict[str, int]:
        """Return the VIMs whose silence is not on record yet, with the ends of their leases."""
        return {vim.vim_id: vim.lease_end for vim in self.vims.values() if vim.holds and self._ended(vim)}

    def replaceable(self) -> dict[str, int]:
        """Return the VIMs whose action has to be replaced, with the ends of their leases (G7)."""
        return {
            vim.vim_id: vim.lease_end
            for vim in self.vims.values()
            if not vim.holds and self._ended(vim) and vim.engine is not Engine.EXTERNAL
        }

    def lapse(self, vim_id: str) -> None:
        self._tell_silence(self.vims[vim_id])

    def replace(self, vim_id: str, action_id: str) -> None:
        vim = self.vims[vim_id]
        stopped, vim.action_id = vim.action_id, action_id
        vim.unheard = 0 if vim.heard else vim.unheard + 1
        vim.observation, vim.heard = 0, False
        vim.lease_end = self.now + min(GRACE_S * 2**vim.unheard, LONGEST_GRACE_S)
        self._add(EventKind.ACTION_REPLACED, vim, vim.status, stopped)

    # --- the log

    def _tell_silence(self, vim: Known) -> None:
        """Put a silence on record before the change that ends it (G8)."""
        if vim.holds and self._ended(vim):
            previous, vim.status, vim.reason, vim.holds = vim.status, Status.UNKNOWN, Reason.SILENT, False
            self._add(_kind(previous, vim.status), vim, previous)

    def _add(self, kind: EventKind, vim: Known, previous: Status, stopped: str = "") -> None:
        vim.revision = self.newest + 1
        self.log.append(
            Change(vim.revision, kind, vim.vim_id, vim.engine, vim.action_id, stopped, vim.status, previous, vim.reason)
        )

    def _ended(self, vim: Known) -> bool:
        return vim.lease_end < self.now

    def _holds_now(self, vim: Known) -> bool:
        return vim.holds and not self._ended(vim)

    def _is_same(self, vim: Known, report: Report) -> bool:
        return (vim.status, vim.reason) == (report.status, report.reason)


def _kind(before: Status, after: Status) -> EventKind:
    return EventKind.REASON_CHANGED if before is after else EventKind.STATUS_CHANGED
