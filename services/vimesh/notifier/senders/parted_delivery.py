"""Sends a notification as one document, and in parts to whom it is too large: when thousands of VIMs are dark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from vimesh.domain.notifications.notifications import MAX_CHANGES, Change, Notification, count_vims
from vimesh.notifier.senders.delivery_progress import DeliveryProgress, document_id, keys_of
from vimesh.notifier.senders.sender import DocumentRefused, DocumentTooLarge, SendDelayed, SendError


class PartedDelivery:
    """Halves what is too large until it is taken. A repeat goes on where the last try stopped."""

    def __init__(self, limit_s: float) -> None:
        """`limit_s`: how long a try takes at most."""
        self._limit_s = limit_s
        self._progress = DeliveryProgress()
        self._most = MAX_CHANGES
        """Changes in a part, as far as the receiver has shown."""

    async def deliver(self, notification: Notification, send: Callable[[Notification], Awaitable[None]]) -> None:
        """Send all changes of a notification that were not taken yet.

        Each part is a notification with an id of its own. Raises as `send` and `DeliveryProgress.attempt`.
        """
        try:
            async with self._progress.attempt(notification.kind, keys_of(notification), self._limit_s):
                await self._send_rest(notification, send)
        except SendDelayed:
            raise  # the next try begins with parts as small
        except SendError:
            self._most = MAX_CHANGES
            raise
        self._most = MAX_CHANGES

    async def _send_rest(self, notification: Notification, send: Callable[[Notification], Awaitable[None]]) -> None:
        rest = tuple(change for change in notification.changes if self._progress.is_open(change.key))
        while rest or not notification.changes:
            part = part_of(notification, rest[: self._most])
            try:
                await send(part)
            except DocumentTooLarge as error:
                if len(part.changes) > 1:
                    self._most = (len(part.changes) + 1) // 2
                    continue
                self._progress.refuse(keys_of(part), error)
            except DocumentRefused as error:
                self._progress.refuse(keys_of(part), error)
            else:
                self._progress.accept(keys_of(part))
            rest = rest[len(part.changes) :]
            if not rest:
                return


def part_of(notification: Notification, changes: tuple[Change, ...]) -> Notification:
    """Return a notification of some of the changes; itself, if these are all."""
    if len(changes) == len(notification.changes):
        return notification
    counts = count_vims(changes)
    return replace(
        notification,
        id=document_id(notification, (change.key for change in changes)),
        changes=changes,
        vim_count=counts.vims,
        problem_count=counts.problems,
        resolved_count=counts.resolved,
    )
