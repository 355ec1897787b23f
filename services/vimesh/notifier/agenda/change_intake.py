"""Takes in what happens to VIMs: changes from the log, and how VIMs are at present."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from vimesh.domain.events import EventKind
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import ChangeKind
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_state import PLACE_EVERY_S, AgendaState
from vimesh.notifier.agenda.agenda_values import LogChange, VimFacts, VimTruth, is_quiet_for
from vimesh.notifier.agenda.change_selection import kind_of, kind_of_truth
from vimesh.notifier.agenda.notice_book import open_problem

RECHECK_S: Final = 10.0
"""How often VIMs are looked at that were left out. The end of a maintenance is also seen in the log, at once."""
GONE_S: Final = 60.0
"""A VIM that does not exist for so long, without a word of it in the log, is one that the log does not speak of: while
nobody worked for the receiver, its filter was changed and the VIM was deregistered."""
_AT_ONCE: Final = 2000
_SLICE: Final = 500
"""VIMs that are compared in one go: some ten milliseconds."""


class ChangeIntake:
    def __init__(self, state: AgendaState, now: float) -> None:
        self._state = state
        # People may have changed the filter since: VIMs that it does not select now, the log does not speak of.
        self._due = dict.fromkeys(notice.vim_id for notice in state.book if notice.muted or open_problem(notice))
        """VIMs to look at, because they may not be quiet any more, or do not concern the receiver."""
        self._gone_since: dict[str, float] = {}
        """VIMs that do not exist, although the receiver knows of a problem, and since when that is known."""
        self._round_at = now + RECHECK_S
        self._to_place: dict[str, None] = {}
        """VIMs whose causes are being looked up."""
        self._place_at = now
        """When to look up causes again, at the earliest."""

    @property
    def is_placing(self) -> bool:
        """Whether VIMs are looked up that may belong to groups which are due."""
        return bool(self._to_place)

    def take_in(self, change: LogChange, now: float) -> None:
        """Take in a change from the log. One that was taken in before is ignored."""
        state, vim_id = self._state, change.vim_id
        if change.revision <= state.newest_revision(vim_id):
            return
        kind = kind_of(change, state.rules, state.known_problem(vim_id))
        notice = state.book.get(vim_id)
        if notice is not None and notice.muted and vim_id not in state.pending:
            if not self._ends_concern(change):
                self._leave_out(notice, change)
                return
            if kind is None:
                state.book.store(replace(notice, muted=False, resolved=True, revision=change.revision))
        if kind is not None:
            state.append(change, kind, now)

    def concerns(self, vim_id: str, status: Status) -> bool:
        """Return whether there may be something to tell of a VIM that has this status now."""
        state = self._state
        return status in state.rules.statuses or vim_id in state.pending or state.book.get(vim_id) is not None

    def reconcile(self, truths: Sequence[VimTruth], revision: int, now: float) -> Iterator[None]:
        """Compare what was told with all VIMs as they were at a revision, in the place of changes before it.

        `truths`: at least those that concern the receiver. Yields after each slice: there may be many.
        """
        state = self._state
        state.book.clamp(revision)
        for place, truth in enumerate(truths, start=1):
            notice = state.book.get(truth.vim_id)
            if notice is not None and notice.muted and truth.vim_id not in state.pending:
                self._due[truth.vim_id] = None
            elif truth.revision > state.newest_revision(truth.vim_id):
                self._tell_truth(truth, now)
            if place % _SLICE == 0:
                yield
        concerned = {notice.vim_id for notice in state.book} | set(state.pending.vims())
        absent = concerned - {truth.vim_id for truth in truths}
        for place, vim_id in enumerate(sorted(absent), start=1):
            self._tell_absence(vim_id, revision, now)
            if place % _SLICE == 0:
                yield

    def vims_to_check(self, now: float) -> Sequence[str]:
        """Return VIMs to look at: whose group is not known, or which may not be quiet any more."""
        state = self._state
        if now >= self._round_at:
            self._round_at = now + RECHECK_S
            self._due |= dict.fromkeys(state.book.muted)
            self._due |= dict.fromkeys(state.on_hold)
            self._due |= dict.fromkeys(self._gone_since)
        return [*islice(self._vims_to_place(now), _AT_ONCE), *islice(self._due, _AT_ONCE)]

    def _vims_to_place(self, now: float) -> Iterable[str]:
        state = self._state
        if not state.awaits_causes:
            return state.unplaced
        due_at = state.placing_due_at()
        if not self._to_place and due_at is not None and due_at <= now and self._place_at <= now:
            # All of them: those that have the cause of one that is due are told with it.
            self._to_place = dict(state.unplaced)
            self._place_at = now + PLACE_EVERY_S
        return self._to_place

    def check(self, vim_ids: Iterable[str], truths: Mapping[str, VimTruth], now: float) -> None:
        """Take in what was read of VIMs; those that are missing do not exist."""
        state = self._state
        state.pending.note_facts({vim_id: truth.facts for vim_id, truth in truths.items()})
        for vim_id in vim_ids:
            self._to_place.pop(vim_id, None)
            if vim_id in state.unplaced and state.must_be_placed(vim_id, now):
                state.place(vim_id, facts_are_read=True)
            if vim_id in self._due:
                del self._due[vim_id]
                self._recheck(vim_id, truths.get(vim_id), now)

    def wake_at(self) -> float | None:
        state = self._state
        if self._due or self._to_place or (state.unplaced and not state.awaits_causes):
            return 0.0
        due_at = state.placing_due_at()
        times = [] if due_at is None else [max(due_at, self._place_at)]
        if state.book.muted or state.on_hold or self._gone_since:
            times.append(self._round_at)
        return min(times, default=None)

    @staticmethod
    def _ends_concern(change: LogChange) -> bool:
        """Return whether the receiver has nothing to do with the VIM after a change."""
        return change.filtered_out or change.kind is EventKind.DEREGISTERED

    def _leave_out(self, notice: Notice, change: LogChange) -> None:
        self._state.book.store(replace(notice, revision=change.revision))
        if change.kind is EventKind.MAINTENANCE_ENDED:
            self._due[change.vim_id] = None

    def _recheck(self, vim_id: str, truth: VimTruth | None, now: float) -> None:
        """Tell what is true of a VIM that was left out, if it is not quiet any more and something else was told."""
        state = self._state
        if truth is None:
            self._note_gone(vim_id, now)
        else:
            self._gone_since.pop(vim_id, None)
        if truth is not None and not truth.is_selected:
            self._end_concern(truth, now)
        if truth is not None and is_quiet_for(state.rules, truth):
            return
        notice = state.book.get(vim_id)
        if vim_id in state.on_hold:
            state.resume(vim_id)
        if notice is None or not notice.muted or vim_id in state.pending or truth is None:
            return
        if self._tell_truth(truth, now):
            return
        unmuted = replace(notice, muted=False, resolved=open_problem(notice) is None)
        state.book.store(unmuted)
        if open_problem(unmuted):
            state.expect_reminder(unmuted, now)

    def _end_concern(self, truth: VimTruth, now: float) -> None:
        """Tell that a problem is over because the filter does not select the VIM, of which the log need not speak."""
        state, vim_id = self._state, truth.vim_id
        revision = max(truth.revision, state.newest_revision(vim_id))
        told, notice = state.known_problem(vim_id), state.book.get(vim_id)
        if told is not None:
            change = LogChange(
                revision=revision,
                kind=EventKind.MODIFIED,
                vim_id=vim_id,
                time=dt.datetime.fromtimestamp(now, dt.UTC),
                status=truth.status,
                previous_status=told,
                reason=truth.reason,
                detail=truth.detail,
                filtered_out=True,
                facts=truth.facts,
            )
            state.append(change, ChangeKind.RESOLVED, now)
        elif notice is not None and notice.muted and vim_id not in state.pending:
            state.book.store(replace(notice, muted=False, resolved=True, revision=revision))

    def _note_gone(self, vim_id: str, now: float) -> None:
        """Take in that a VIM does not exist: the log says so, unless it does not speak of the VIM any more."""
        state, notice = self._state, self._state.book.get(vim_id)
        if vim_id in state.pending or notice is None or notice.resolved:
            self._gone_since.pop(vim_id, None)
        elif now - self._gone_since.setdefault(vim_id, now) >= GONE_S:
            del self._gone_since[vim_id]
            self._tell_absence(vim_id, notice.revision, now)

    def _tell_truth(self, truth: VimTruth, now: float) -> bool:
        state, told = self._state, self._state.known_problem(truth.vim_id)
        notice = state.book.get(truth.vim_id)
        is_in_doubt = notice is not None and notice.told_time is None and truth.status is told
        kind = kind_of_truth(truth, state.rules, None if is_in_doubt else told)
        if kind is None:
            return False
        revision = max(truth.revision, state.newest_revision(truth.vim_id))
        change = LogChange(
            revision=revision,
            kind=EventKind.STATUS_CHANGED,
            vim_id=truth.vim_id,
            time=truth.since,
            status=truth.status,
            previous_status=told or Status.REACHABLE,
            reason=truth.reason,
            detail=truth.detail,
            facts=truth.facts,
        )
        state.append(change, kind, now)
        return True

    def _tell_absence(self, vim_id: str, revision: int, now: float) -> None:
        state, told, notice = self._state, self._state.known_problem(vim_id), self._state.book.get(vim_id)
        if told is None:
            if notice is not None and notice.muted and vim_id not in state.pending:
                state.book.store(replace(notice, muted=False, resolved=True))
            return
        name = notice.vim_name if notice else ""
        change = LogChange(
            revision=max(revision, state.newest_revision(vim_id)),
            kind=EventKind.DEREGISTERED,
            vim_id=vim_id,
            time=dt.datetime.fromtimestamp(now, dt.UTC),
            status=told,
            previous_status=told,
            facts=None if vim_id in state.pending else VimFacts(name or vim_id),
        )
        state.append(change, ChangeKind.RESOLVED, now)
