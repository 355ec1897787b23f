"""Decides what to do next for one receiver. No step is taken before the result of the one before is known.

What is told is recorded before anything else is sent: after a crash only what was under way can be sent again (G19).
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from vimesh.domain.notifications.delivery_store import DeadNotification, Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import Notification, NotificationKind, QueuedOutcome
from vimesh.domain.notifications.receivers import Receiver, UnfinishedDelivery
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_state import AgendaState
from vimesh.notifier.agenda.agenda_steps import (
    Delayed,
    Delivered,
    Gone,
    LookUp,
    Record,
    Refused,
    Send,
    SendResult,
    Step,
    Wait,
)
from vimesh.notifier.agenda.agenda_values import LogChange, VimTruth
from vimesh.notifier.agenda.batches import Batch, build_notification, leave_out_quiet, next_batch, note_told
from vimesh.notifier.agenda.change_intake import ChangeIntake
from vimesh.notifier.agenda.delivery_retries import Retries
from vimesh.notifier.agenda.unfinished_batch import UnfinishedBatch, unfinished_delivery

RECORD_S: Final = 10.0
"""How often the position in the log is recorded while nothing is delivered."""
MAX_PENDING: Final = 20_000
"""With more changes to tell, no further ones are read from the log: they wait there."""
_NOTHING_SENT: Final = Delivery()
_UNREADABLE: Final = "its changes cannot be read: they are damaged or missing, or of a later version"


class ReceiverAgenda:
    """Times are seconds since 1970, by a clock that never jumps."""

    def __init__(  # noqa: PLR0913 - what is on record, and two sources of chance
        self,
        receiver: Receiver,
        revision: int,
        notices: Iterable[Notice],
        *,
        unfinished: UnfinishedDelivery | None = None,
        random: Random,
        now: float,
    ) -> None:
        """`revision`, `notices` and `unfinished` are on record: how far the receiver was told, what, and what not."""
        self._state = AgendaState(receiver, notices, now)
        self._intake = ChangeIntake(self._state, now)
        self._retries = Retries(receiver.settings.give_up_after_s, random)
        self._recorded_revision = revision
        self._record_at = now + RECORD_S
        self._queued: deque[Notification] = deque()
        self._unfinished = None if unfinished is None else UnfinishedBatch(unfinished, now)
        """What another notifier has tried, until it is tried here."""
        self._batch: Batch | None = None
        self._checked_vims: Sequence[str] = ()
        """The VIMs that are looked up for themselves, and not because they are in a batch."""
        self._is_batch_checked = False
        self._ready: Notification | None = None
        """What is to be sent, or being sent."""
        self._record: Record | None = None
        """What is to be recorded, or being recorded."""
        self.position = revision
        """The revision up to which the log was read."""

    @property
    def pending_count(self) -> int:
        return len(self._state.pending)

    @property
    def is_full(self) -> bool:
        return len(self._state.pending) >= MAX_PENDING

    def is_quiet(self, now: float) -> bool:
        """Return whether all was told and is on record, and what is on record says when the next may be told."""
        state = self._state
        is_under_way = self._queued or self._unfinished or self._batch or self._record or len(state.pending)
        return not is_under_way and not state.book.has_unrecorded and not state.groups.has_interval(now)

    def take_in(self, changes: Iterable[LogChange], revision: int, now: float) -> None:
        """Take in changes from the log, which was read up to a revision."""
        for change in changes:
            self._intake.take_in(change, now)
        self.position = max(self.position, revision)

    def concerns(self, vim_id: str, status: Status) -> bool:
        """Return whether `reconcile` needs a VIM that has this status now."""
        return self._intake.concerns(vim_id, status)

    def reconcile(self, truths: Sequence[VimTruth], revision: int, now: float) -> Iterator[None]:
        """Take in all VIMs as they were at a revision, in the place of changes that are not stored any more.

        Yields now and then: steps may be taken there. Nothing counts as read before the end.
        """
        yield from self._intake.reconcile(truths, revision, now)
        self.position = revision

    def queue(self, notifications: Iterable[Notification]) -> None:
        """Take in what people want to be sent. What is in the queue already is ignored."""
        queued = {notification.id for notification in self._queued}
        self._queued += [one for one in notifications if one.id not in queued]

    def next_step(self, now: float) -> Step:
        if self._record is not None:
            return self._record
        if self._ready is not None:
            return Send(self._ready)
        if self._queued:
            return self._next_queued(now)
        if vim_ids := self._vims_to_look_up(now):
            return LookUp(vim_ids)
        if now >= self._record_at and self._is_unrecorded():
            return self._put_on_record(now)
        return Wait(self._wake_at(now))

    def note_look_up(self, truths: Mapping[str, VimTruth], now: float) -> None:
        """Take in what was read of the VIMs that were to be looked up; those that are missing do not exist."""
        self._intake.check(self._checked_vims, truths, now)
        self._checked_vims = ()
        if self._batch is None or not self._is_batch_checked:
            return
        leave_out_quiet(self._state, self._batch, truths, is_first_attempt=not self._retries.attempts)
        self._ready = build_notification(self._state, self._batch, truths, now)
        if self._ready is None:
            self._finish_batch()
            self._put_on_record(now)

    def note_result(self, result: SendResult, now: float) -> None:
        """Take in what became of the notification that was to be sent."""
        notification, self._ready = self._ready, None
        if notification is None:
            return
        if self._queued and self._queued[0] is notification:
            self._queued.popleft()
            self._note_queued(notification, result, now)
        elif self._batch is not None:
            self._retries.note_attempt(now)
            self._note_batch(self._batch, notification, result, now)

    def note_recorded(self, now: float) -> None:
        """Take in that what was to be recorded is on record."""
        record, self._record = self._record, None
        if record is not None:
            self._state.book.note_recorded(record.delivery.notices, record.delivery.revision)
            self._recorded_revision = record.delivery.revision
            self._record_at = now + RECORD_S

    def _vims_to_look_up(self, now: float) -> Sequence[str]:
        if self._batch is None and now >= self._retries.next_at:
            self._batch = self._next_batch(now)
        self._checked_vims = self._intake.vims_to_check(now)
        self._is_batch_checked = self._batch is not None and now >= self._retries.next_at
        batch_vims = self._batch.counts if self._batch is not None and self._is_batch_checked else ()
        return list(dict.fromkeys([*self._checked_vims, *batch_vims]))

    def _next_batch(self, now: float) -> Batch | None:
        if self._unfinished is not None:
            if not self._is_unfinished_read:
                return None
            unfinished, self._unfinished = self._unfinished, None
            if (batch := unfinished.find(self._state)) is not None:
                self._retries.resume(unfinished.first_attempt_at, unfinished.attempts)
                return batch
        if self._intake.is_placing:
            return None
        group = self._state.groups.next_due(now)
        return None if group is None else next_batch(self._state, group, now)

    @property
    def _is_unfinished_read(self) -> bool:
        return self._unfinished is None or self._unfinished.is_read(self._state, self.position, is_full=self.is_full)

    def _next_queued(self, now: float) -> Step:
        notification = self._queued[0]
        if notification.kind is not NotificationKind.TEST and not notification.changes:
            self._queued.popleft()
            return self._note_queued(notification, Refused(_UNREADABLE), now)
        self._ready = notification
        return Send(notification)

    def _note_queued(self, notification: Notification, result: SendResult, now: float) -> Record:
        # Somebody waits for it, and can send it again: it is tried once.
        error = "" if isinstance(result, Delivered) else result.error
        return self._put_on_record(
            now,
            Delivery(
                outcomes=(QueuedOutcome(notification.id, not error, 1, error),),
                delivered=not error,
                error=error,
                gone_reason=error if isinstance(result, Gone) else "",
            ),
        )

    def _note_batch(self, batch: Batch, notification: Notification, result: SendResult, now: float) -> None:
        attempts = self._retries.attempts
        if isinstance(result, Delivered):
            self._end_batch(batch, now)
            self._put_on_record(now, Delivery(delivered=True))
            return
        is_reminder = batch.kind is NotificationKind.REMINDER
        if isinstance(result, Delayed) and self._retries.note_delay(now, result.retry_after_s):
            if is_reminder:  # it is made anew, of what lasts by then
                self._batch = None
                self._retries.drop()
            self._put_on_record(now, Delivery(error=result.error))
            return
        self._end_batch(batch, now)
        self._put_on_record(
            now,
            Delivery(
                dead=None if is_reminder else DeadNotification(notification, attempts, result.error),
                error=result.error,
                gone_reason=result.error if isinstance(result, Gone) else "",
            ),
        )

    def _end_batch(self, batch: Batch, now: float) -> None:
        note_told(self._state, batch, now)
        self._finish_batch()

    def _finish_batch(self) -> None:
        self._batch = None
        self._retries.finish()

    def _put_on_record(self, now: float, delivery: Delivery = _NOTHING_SENT) -> Record:
        self._record = Record(
            replace(
                delivery,
                revision=self._revision(),
                notices=self._state.book.unrecorded(),
                pending_since=self._pending_since(),
                unfinished=self._unfinished_delivery(now),
            )
        )
        return self._record

    def _unfinished_delivery(self, now: float) -> UnfinishedDelivery | None:
        if self._unfinished is not None:
            return self._unfinished.delivery(now)
        first_at = self._retries.first_attempt_at
        if self._batch is None or first_at is None:
            return None
        return unfinished_delivery(self._state, self._batch, max(0.0, now - first_at), self._retries.attempts)

    def _revision(self) -> int:
        lowest = self._state.pending.lowest_revision()
        return self.position if lowest is None else min(self.position, lowest - 1)

    def _pending_since(self) -> dt.datetime | None:
        return min((one.change.time for one in self._state.pending.oldest()), default=None)

    def _is_unrecorded(self) -> bool:
        return self._state.book.has_unrecorded or self._revision() != self._recorded_revision

    def _wake_at(self, now: float) -> float:
        times = [self._intake.wake_at(), self._record_at if self._is_unrecorded() else None]
        if self._batch is not None or self._retries.next_at > now:
            times.append(self._retries.next_at)
        elif self._is_unfinished_read:
            times.append(self._state.groups.wake_at())
        return min((at for at in times if at is not None), default=now + RECORD_S)
