"""Makes notifications of what is due in a group, and takes in what became of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID, uuid5

from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import (
    MAX_CHANGES,
    Change,
    ChangeKind,
    Notification,
    NotificationKind,
    count_vims,
)
from vimesh.domain.notifications.receivers import PROBLEM_STATUSES
from vimesh.notifier.agenda.agenda_state import AgendaState
from vimesh.notifier.agenda.agenda_values import VimFacts, VimTruth, is_quiet_for
from vimesh.notifier.agenda.change_selection import reason_of
from vimesh.notifier.agenda.groups import Group, group_values
from vimesh.notifier.agenda.notice_book import open_problem

MAX_BYTES: Final = 3_000_000
"""A notification is no larger, unless one change alone is: conductors store those that are given up, and take 4 MiB."""
_CHANGE_BYTES: Final = 170
"""Most bytes of what each change has, and of the overhead of its texts."""
_LABEL_BYTES: Final = 10
"""Most bytes of overhead of a label."""
RECORDED_REPEATS_S: Final = 600.0
"""When reminders were told is only put on record if they are not more frequent than this."""


@dataclass(slots=True)
class Batch:
    """What one notification tells, from its first attempt until it was delivered or given up."""

    group: Group
    kind: NotificationKind
    counts: dict[str, int] = field(default_factory=dict)
    """How many of the changes of which VIM are in it: the first ones. 0 for those of a reminder."""
    names: dict[str, str] = field(default_factory=dict)


def next_batch(state: AgendaState, group: Group, now: float) -> Batch | None:
    """Return what is due in a group: what is new, or else a reminder; None if there is nothing of which to remind."""
    due_at = group.changes_due_at(state.rules)
    if due_at is None or due_at > now:
        return _next_reminder(state, group, now)
    batch, left = Batch(group, NotificationKind.CHANGES), MAX_CHANGES
    group.is_cut = False
    for vim_id in group.untold:
        count = len(state.pending.of(vim_id))
        group.is_cut = count > left
        if left:
            batch.counts[vim_id] = min(count, left)
            left -= batch.counts[vim_id]
        if group.is_cut:
            break
    return batch


def _next_reminder(state: AgendaState, group: Group, now: float) -> Batch | None:
    batch = Batch(group, NotificationKind.REMINDER)
    for vim_id in list(group.problems):
        if vim_id in state.pending:
            group.note_problem(vim_id, now)  # it is told of soon anyway
        else:
            batch.counts[vim_id] = 0
    return batch if batch.counts else None


def leave_out_quiet(
    state: AgendaState, batch: Batch, truths: Mapping[str, VimTruth], *, is_first_attempt: bool
) -> None:
    """Take VIMs out of which nothing is to be told at present."""
    for vim_id in list(batch.counts):
        truth = truths.get(vim_id)
        if truth is None or not is_quiet_for(state.rules, truth):
            continue
        count = batch.counts.pop(vim_id)
        if any(one.change.filtered_out for one in state.pending.of(vim_id)):
            state.hold(vim_id)  # the present state of the VIM does not say that it concerns the receiver no more
        else:
            state.mute(vim_id, 0 if is_first_attempt else count)


def build_notification(
    state: AgendaState, batch: Batch, truths: Mapping[str, VimTruth], now: float
) -> Notification | None:
    """Return the notification, None if there is nothing to tell. What does not fit is taken out of the batch."""
    changes: list[Change] = []
    room = _Room()
    of_vim = _reminders if batch.kind is NotificationKind.REMINDER else _changes
    for vim_id, count in list(batch.counts.items()):
        made = [] if room.is_full else list(of_vim(state, vim_id, count, truths.get(vim_id), now))
        fitting = room.take(made)
        told = [change for change in made[:fitting] if change is not None]
        if told:
            changes += told
            batch.names[vim_id] = told[0].vim_name
            batch.counts[vim_id] = min(count, fitting)
            continue
        del batch.counts[vim_id]
        if batch.kind is NotificationKind.REMINDER and not room.is_full:
            batch.group.note_problem(vim_id, now)  # what ended the problem is on its way; do not ask again at once
    if room.is_full and batch.kind is NotificationKind.CHANGES:
        batch.group.is_cut = True
    return _notification(state, batch, tuple(changes), now) if changes else None


def note_told(state: AgendaState, batch: Batch, now: float) -> None:
    """Take in that the receiver was told, or never will be."""
    for vim_id, count in batch.counts.items():
        if batch.kind is NotificationKind.REMINDER:
            _note_reminded(state, batch.group, state.book.or_new(vim_id), now)
        else:
            state.note_told(vim_id, count, batch.names.get(vim_id, ""), now)
    batch.group.last_sent = now
    state.groups.schedule(batch.group)


def _note_reminded(state: AgendaState, group: Group, notice: Notice, now: float) -> None:
    if open_problem(notice):
        renewed = replace(notice, told_time=dt.datetime.fromtimestamp(now, dt.UTC))
        # Recording costs more than what it prevents: that after a crash a reminder comes somewhat early.
        is_worth_it = state.rules.repeat_interval_s >= RECORDED_REPEATS_S
        (state.book.store if is_worth_it else state.book.renew)(renewed)
        group.note_problem(notice.vim_id, now)


def _changes(
    state: AgendaState, vim_id: str, count: int, truth: VimTruth | None, _now: float
) -> Iterator[Change | None]:
    """Yield the first changes of a VIM, and None for those that are only seen as told."""
    facts = (
        truth.facts if truth else state.pending.facts(vim_id) or VimFacts(state.book.or_new(vim_id).vim_name or vim_id)
    )
    since_each = state.since_each(vim_id, count)
    for one, since in zip(state.pending.of(vim_id)[:count], since_each, strict=True):
        if one.is_silent:
            yield None
            continue
        # With changes missed, it is not known why a VIM was not among those that the filter selects.
        is_filtered_out = one.change.filtered_out or (truth is not None and not truth.is_selected)
        reason, detail = reason_of(replace(one.change, filtered_out=is_filtered_out), one.kind)
        yield Change(
            revision=one.change.revision,
            kind=one.kind,
            vim_id=vim_id,
            vim_name=facts.name,
            vim_type=facts.type,
            project_id=facts.project_id,
            auth_url=facts.auth_url,
            labels=facts.labels,
            status=one.change.status,
            previous_status=one.change.previous_status,
            reason=reason,
            detail=detail,
            time=one.change.time,
            since=since,
        )


def _reminders(state: AgendaState, vim_id: str, _count: int, truth: VimTruth | None, now: float) -> Iterator[Change]:
    notice = state.book.or_new(vim_id)
    status, time = open_problem(notice), dt.datetime.fromtimestamp(now, dt.UTC)
    if status is not None and truth is not None and truth.status in PROBLEM_STATUSES:
        yield Change(
            revision=notice.revision,
            kind=ChangeKind.REMINDER,
            vim_id=vim_id,
            vim_name=truth.facts.name,
            vim_type=truth.facts.type,
            project_id=truth.facts.project_id,
            auth_url=truth.facts.auth_url,
            labels=truth.facts.labels,
            status=status,
            previous_status=status,
            reason=notice.reason,
            detail=truth.detail if truth.status is status else "",
            time=time,
            since=notice.since or time,
        )


class _Room:
    """What fits into a notification."""

    def __init__(self) -> None:
        self._bytes = MAX_BYTES
        self._changes = 0
        self.is_full = False
        """Whether something did not fit: then nothing more does."""

    def take(self, changes: Sequence[Change | None]) -> int:
        """Return how many of them fit, from the first one on; the very first one always does."""
        for place, change in enumerate(changes):
            size = 0 if change is None else _size_of(change)
            if self._changes and (size > self._bytes or self._changes == MAX_CHANGES):
                self.is_full = True
                return place
            self._bytes -= size
            self._changes += change is not None
        return len(changes)


def _size_of(change: Change) -> int:
    """Return how many bytes a change takes at most, as a message."""
    texts = (change.vim_name, change.vim_type, change.project_id, change.auth_url, change.reason, change.detail)
    labels = change.labels
    size = _CHANGE_BYTES + _LABEL_BYTES * len(labels)
    return size + sum(len(text.encode()) for text in (*texts, *labels, *labels.values()))


def _notification(state: AgendaState, batch: Batch, changes: tuple[Change, ...], now: float) -> Notification:
    counts = count_vims(changes)
    return Notification(
        id=_id_of(state.receiver_id, batch, changes, now),
        receiver_id=state.receiver_id,
        receiver_name=state.rules.name,
        kind=batch.kind,
        group_key=batch.group.key,
        group=group_values(batch.group.key),
        changes=changes,
        vim_count=counts.vims,
        problem_count=counts.problems,
        resolved_count=counts.resolved,
    )


def _id_of(receiver_id: str, batch: Batch, changes: tuple[Change, ...], now: float) -> str:
    """Return an id that two notifications share only if the same is in them, in whatever order of VIMs."""
    told = sorted(change.key for change in changes)
    # A reminder has what the one before had: only the time tells it apart.
    time = f"{now}" if batch.kind is NotificationKind.REMINDER else ""
    return str(uuid5(UUID(receiver_id), "\n".join((batch.group.key, time, *told))))
