"""Holds what an agenda knows, and what follows for groups when a change comes or was told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import ChangeKind
from vimesh.domain.notifications.receivers import CAUSE, Receiver
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_values import LogChange
from vimesh.notifier.agenda.change_selection import reason_of, status_after
from vimesh.notifier.agenda.groups import Group, Groups, group_key, needs_facts
from vimesh.notifier.agenda.notice_book import NoticeBook, open_problem
from vimesh.notifier.agenda.pending_changes import PendingChange, PendingChanges

PLACE_EVERY_S: Final = 2.0
"""How often VIMs that wait for their causes are looked up, at most: it may come on top of the wait."""


class AgendaState:
    def __init__(self, receiver: Receiver, notices: Iterable[Notice], now: float) -> None:
        self.receiver_id = receiver.id
        self.rules = rules = receiver.settings
        self.book = NoticeBook(notices)
        self.pending = PendingChanges()
        self.groups = Groups(rules)
        self.unplaced: dict[str, None] = {}
        """VIMs with changes whose group is unknown as long as nothing was read of them, the longest first."""
        self.awaits_causes = CAUSE in rules.group_by
        """Whether groups depend on what is only found out after the changes: it is waited for as long as for more
        changes of a group, so nothing is told later."""
        self.on_hold: set[str] = set()
        """VIMs with changes that wait for the end of a maintenance, or of flapping."""
        self._group_of: dict[str, str] = {}
        """The key of the group of each VIM that has changes to be told."""
        for notice in self.book:
            if open_problem(notice) and not notice.muted:
                self.expect_reminder(notice, now)

    def group_of(self, vim_id: str) -> Group:
        return self.groups.get(self._group_of[vim_id])

    def known_problem(self, vim_id: str) -> Status | None:
        """Return the problem that the receiver knows of, once it is told of all that is pending."""
        changes = self.pending.of(vim_id)
        return changes[-1].told_after if changes else open_problem(self.book.get(vim_id))

    def newest_revision(self, vim_id: str) -> int:
        """Return the revision of the newest change of a VIM that was told, is pending or was left out."""
        changes, notice = self.pending.of(vim_id), self.book.get(vim_id)
        return max(changes[-1].change.revision if changes else 0, notice.revision if notice else 0)

    def append(self, change: LogChange, kind: ChangeKind, now: float) -> None:
        """Add a change that is to be told, after those of the same VIM that are."""
        vim_id = change.vim_id
        told = self.known_problem(vim_id)
        is_silent = kind is ChangeKind.RESOLVED and not self.rules.resolved
        pending = PendingChange(change, kind, now, told, status_after(kind, change.status, told), is_silent=is_silent)
        is_first = vim_id not in self.pending
        if is_first and is_silent:
            self._close_silently(pending)
            return
        self.pending.add(pending)
        if is_first:
            self.place(vim_id)

    def place(self, vim_id: str, *, facts_are_read: bool = False) -> None:
        """Put a VIM with changes into its group: the one in which its problem was told, if it was."""
        notice, first = self.book.get(vim_id), self.pending.of(vim_id)[0]
        if notice is not None and open_problem(notice):
            key = notice.group_key
        else:
            facts = self.pending.facts(vim_id)
            if not facts_are_read and (self.awaits_causes or (facts is None and needs_facts(self.rules.group_by))):
                self.unplaced[vim_id] = None
                return
            key = group_key(self.rules.group_by, reason_of(first.change, first.kind)[0], facts)
        self.unplaced.pop(vim_id, None)
        self._group_of[vim_id] = key
        self.await_turn(vim_id)

    def placing_due_at(self) -> float | None:
        """Return when to look for the causes of VIMs whose group is unknown; None if there are none."""
        first = next(iter(self.unplaced), None)
        return None if first is None else self.pending.of(first)[0].arrived_at + self.rules.group_wait_s

    def must_be_placed(self, vim_id: str, now: float) -> bool:
        """Return whether the group of a VIM that was read is to be decided: its cause is known, or late."""
        facts = self.pending.facts(vim_id)
        if not self.awaits_causes or (facts is not None and facts.cause):
            return True
        # Those that would be late before the next look are told together.
        return self.pending.of(vim_id)[0].arrived_at + self.rules.group_wait_s <= now + PLACE_EVERY_S

    def await_turn(self, vim_id: str) -> None:
        """Let the group of a VIM know that it has changes to tell."""
        group = self.group_of(vim_id)
        group.untold[vim_id] = self.pending.of(vim_id)[0].arrived_at
        self.groups.schedule(group)

    def hold(self, vim_id: str) -> None:
        """Leave the changes of a VIM where they are, for later."""
        self.group_of(vim_id).untold.pop(vim_id, None)
        self.on_hold.add(vim_id)

    def resume(self, vim_id: str) -> None:
        self.on_hold.discard(vim_id)
        self.await_turn(vim_id)

    def mute(self, vim_id: str, attempted: int = 0) -> None:
        """Leave out what is pending of a VIM: afterwards what is true is compared with what was told.

        `attempted`: how many of its changes the receiver may have been told, for an attempt has failed.
        """
        notice, revision = self.book.or_new(vim_id), self.newest_revision(vim_id)
        if open_problem(notice):
            self.groups.get(notice.group_key).problems.pop(vim_id, None)
        if attempted:
            notice = self._in_doubt(notice, attempted)
        self._forget(vim_id, len(self.pending.of(vim_id)))
        self.book.store(
            replace(notice, muted=True, resolved=False, revision=revision, status=open_problem(notice)),
        )

    def _in_doubt(self, notice: Notice, attempted: int) -> Notice:
        """Return a notice of a problem that the receiver may know of: it is told in any case what is true."""
        changes = self.pending.of(notice.vim_id)[:attempted]
        statuses = [open_problem(notice), *(one.told_after for one in changes)]
        status = next((one for one in reversed(statuses) if one), None)
        key, since = self._group_of[notice.vim_id], self.since_each(notice.vim_id, attempted)[0]
        return replace(notice, status=status, group_key=key, since=since, told_time=None, resolved=False)

    def note_told(self, vim_id: str, count: int, vim_name: str, now: float) -> None:
        """Take in that the receiver was told the first changes of a VIM."""
        group = self.group_of(vim_id)
        since = self.since_each(vim_id, count)
        told = self._forget(vim_id, count)
        last, old = told[-1], self.book.or_new(vim_id)
        problem = next(
            (one for one in reversed(told) if one.kind in {ChangeKind.PROBLEM, ChangeKind.REASON_CHANGED}), None
        )
        notice = Notice(
            vim_id=vim_id,
            vim_name=vim_name or old.vim_name,
            group_key=group.key if last.told_after else "",
            status=last.told_after,
            reason=(problem.change.reason if problem else old.reason) if last.told_after else "",
            since=since[-1] if last.told_after else None,
            revision=max(old.revision, last.change.revision),
            told_time=dt.datetime.fromtimestamp(now, dt.UTC),
            resolved=last.told_after is None,
        )
        self.book.store(notice)
        group.problems.pop(vim_id, None)
        if last.told_after:
            group.note_problem(vim_id, now)
        self._close_leading(vim_id)

    def since_each(self, vim_id: str, count: int) -> list[dt.datetime]:
        """Return for each of the first changes of a VIM since when its problem lasts."""
        notice = self.book.get(vim_id)
        since = notice.since if notice is not None and open_problem(notice) else None
        times = []
        for one in self.pending.of(vim_id)[:count]:
            if since is None or (one.kind is ChangeKind.PROBLEM and one.told_before is None):
                since = one.change.time
            times.append(since)
        return times

    def expect_reminder(self, notice: Notice, now: float) -> None:
        """Count a problem that was told as one of its group."""
        group = self.groups.get(notice.group_key)
        # Another notifier told it, by its own clock, which may be ahead: that must not delay anything.
        told_at = min(now, notice.told_time.timestamp()) if notice.told_time else 0.0
        group.note_problem(notice.vim_id, told_at)
        group.last_sent = max(group.last_sent or 0.0, told_at)
        self.groups.schedule(group)

    def _close_leading(self, vim_id: str) -> None:
        """Apply what is next in a VIM's turn, but is not told."""
        changes = self.pending.of(vim_id)
        while changes and changes[0].is_silent:
            self._close_silently(changes[0])
            self._forget(vim_id, 1)
            changes = self.pending.of(vim_id)
        if changes:
            self.await_turn(vim_id)

    def _close_silently(self, pending: PendingChange) -> None:
        notice = self.book.or_new(pending.change.vim_id)
        if open_problem(notice):
            self.groups.get(notice.group_key).problems.pop(notice.vim_id, None)
        revision = max(notice.revision, pending.change.revision)
        self.book.store(replace(notice, status=None, muted=False, resolved=True, revision=revision))

    def _forget(self, vim_id: str, count: int) -> Sequence[PendingChange]:
        """Take the first changes of a VIM out of all lists but the order of what is left."""
        changes = self.pending.remove(vim_id, count)
        if vim_id in self._group_of:
            self.group_of(vim_id).untold.pop(vim_id, None)
        if vim_id not in self.pending:
            self._group_of.pop(vim_id, None)
            self.unplaced.pop(vim_id, None)
            self.on_hold.discard(vim_id)
        return changes
