"""Finds again what another notifier has tried in vain, so that it is given up when that one would have done so."""

from __future__ import annotations

from dataclasses import replace

from vimesh.domain.notifications.notifications import MAX_CHANGES, NotificationKind
from vimesh.domain.notifications.receivers import UnfinishedDelivery
from vimesh.notifier.agenda.agenda_state import AgendaState
from vimesh.notifier.agenda.batches import Batch


class UnfinishedBatch:
    """What was under way. Nothing new is sent before it: otherwise its time might be over before its turn comes."""

    def __init__(self, delivery: UnfinishedDelivery, now: float) -> None:
        self._delivery = delivery
        self.first_attempt_at = now - delivery.tried_for_s
        self.attempts = delivery.attempts

    def is_read(self, state: AgendaState, position: int, *, is_full: bool) -> bool:
        """Return whether its changes were read from the log, and the groups of their VIMs are known."""
        if not is_full and position < self._delivery.last_revision:
            return False
        last = self._delivery.last_revision
        return all(state.pending.of(vim_id)[0].change.revision > last for vim_id in state.unplaced)

    def find(self, state: AgendaState) -> Batch | None:
        """Return it without what came later; None if it is not to be told any more."""
        first, pending = self._delivery.first_revision, state.pending
        vim_id = next((one.change.vim_id for one in pending.oldest() if one.change.revision == first), None)
        if vim_id is None:
            return None
        batch, left = Batch(state.group_of(vim_id), NotificationKind.CHANGES), MAX_CHANGES
        for one in batch.group.untold:
            tried = sum(each.change.revision <= self._delivery.last_revision for each in pending.of(one))
            if count := min(tried, left):
                batch.counts[one] = count
                left -= count
        return batch

    def delivery(self, now: float) -> UnfinishedDelivery:
        """Return what is to be on record until it is tried again."""
        return replace(self._delivery, tried_for_s=max(0.0, now - self.first_attempt_at))


def unfinished_delivery(state: AgendaState, batch: Batch, tried_for_s: float, attempts: int) -> UnfinishedDelivery:
    """Return what a notifier that takes over has to know of a batch that is tried again."""
    revisions = [
        one.change.revision for vim_id, count in batch.counts.items() for one in state.pending.of(vim_id)[:count]
    ]
    return UnfinishedDelivery(min(revisions), max(revisions), tried_for_s, attempts)
