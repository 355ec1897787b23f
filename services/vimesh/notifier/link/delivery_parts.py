"""Divides what is to be recorded into calls that conductors take, and leaves out what they refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import grpc

from vimesh.domain.notifications.delivery_store import DeadNotification, Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.wire.error_statuses import failure_of

_NOTICES_OF_A_CALL: Final = 2000
_NOTICE_BYTES_OF_A_CALL: Final = 500_000
"""A call may have 4 MiB, and a notification that is given up takes up to three of them."""
_NOTICE_BYTES: Final = 150
_ERROR_CHARS: Final = 1000
_TOO_LARGE: Final = "larger than max"
"""What gRPC says of a message that it does not read."""
_WITHOUT_CHANGES: Final = "; conductors did not take its changes"


def parts_of(delivery: Delivery) -> Iterator[Delivery]:
    """Yield what is to be recorded in calls of a limited size.

    A notification that was given up comes first, and the revision last: a crash between two calls repeats something,
    and loses nothing.
    """
    delivery = _with_short_errors(delivery)
    parts = list(_slices(delivery.notices))
    for place, notices in enumerate(parts[:-1]):
        dead = delivery.dead if place == 0 else None
        yield Delivery(notices=notices, dead=dead, unfinished=delivery.unfinished)
    yield replace(delivery, notices=parts[-1], dead=delivery.dead if len(parts) == 1 else None)


def is_refused_for_good(error: grpc.aio.AioRpcError) -> bool:
    """Return whether the same call would be refused again, for what is in it."""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # Overloaded conductors say so in the details, which gRPC has none of.
        return not failure_of(error).reason and _TOO_LARGE in (error.details() or "")
    return error.code() is grpc.StatusCode.INVALID_ARGUMENT


def next_less(delivery: Delivery) -> Delivery | None:
    """Return what to record in the place of what was refused for good; None if nothing can be left out any more."""
    if delivery.dead is not None and delivery.dead.notification.changes:
        return replace(delivery, dead=_without_changes(delivery.dead))
    outcomes = tuple(replace(one, error="") for one in delivery.outcomes)
    less = replace(delivery, dead=None, outcomes=outcomes, error="", gone_reason=delivery.gone_reason and "gone")
    return None if less == delivery else less


def _without_changes(dead: DeadNotification) -> DeadNotification:
    error = dead.error[: _ERROR_CHARS - len(_WITHOUT_CHANGES)] + _WITHOUT_CHANGES
    return replace(dead, notification=replace(dead.notification, changes=()), error=error)


def _with_short_errors(delivery: Delivery) -> Delivery:
    dead = delivery.dead
    return replace(
        delivery,
        error=_short(delivery.error),
        gone_reason=_short(delivery.gone_reason),
        dead=None if dead is None else replace(dead, error=_short(dead.error)),
        outcomes=tuple(replace(outcome, error=_short(outcome.error)) for outcome in delivery.outcomes),
    )


def _short(text: str) -> str:
    """Return a text that quotes a receiver, as conductors take it."""
    return text[:_ERROR_CHARS].replace("\0", "").encode(errors="replace").decode()


def _slices(notices: Sequence[Notice]) -> Iterator[Sequence[Notice]]:
    begin, size = 0, 0
    for place, notice in enumerate(notices):
        texts = (notice.group_key, notice.vim_name, notice.reason)
        size += (own := _NOTICE_BYTES + sum(len(text.encode()) for text in texts))
        if place > begin and (place - begin >= _NOTICES_OF_A_CALL or size > _NOTICE_BYTES_OF_A_CALL):
            yield notices[begin:place]
            begin, size = place, own
    yield notices[begin:]
