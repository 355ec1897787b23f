"""Converts what notifiers claim and record to messages, and back."""

from __future__ import annotations

from vimesh.domain.credential_masks import mask_text
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.notifications.delivery_store import Claim, DeadNotification, Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import QueuedOutcome
from vimesh.domain.notifications.receivers import ClaimedReceiver, ReceiverClaim, UnfinishedDelivery
from vimesh.v1 import notifier_service_pb2 as pb
from vimesh.wire.notifications.absent_values import moment_of, set_time, status_value
from vimesh.wire.notifications.notification_messages import notification_from_message, notification_message
from vimesh.wire.notifications.receiver_messages import receiver_from_message, receiver_message
from vimesh.wire.request_messages import id_of
from vimesh.wire.vim_messages import STATUSES
from vimesh.wire.wire_durations import duration, seconds


def claim_from_message(
    message: pb.ListNoticesRequest | pb.ListQueuedNotificationsRequest | pb.RecordDeliveryRequest,
) -> Claim:
    return Claim(id_of(message.receiver_id), message.notifier_id, message.claim)


def receiver_claim(message: pb.ReceiverClaim) -> ReceiverClaim:
    return ReceiverClaim(id_of(message.receiver_id), message.claim, message.version)


def claimed_message(claimed: ClaimedReceiver) -> pb.ClaimedReceiver:
    return pb.ClaimedReceiver(
        receiver_id=claimed.receiver_id,
        claim=claimed.claim,
        version=claimed.version,
        revision=claimed.revision,
        queued_count=claimed.queued_count,
        receiver=None if claimed.receiver is None else receiver_message(claimed.receiver),
        unfinished=_unfinished_message(claimed.unfinished),
    )


def claimed_from_message(message: pb.ClaimedReceiver) -> ClaimedReceiver:
    """Read what a conductor has sent. Raises BadInput if the receiver has something that only a later version knows."""
    try:
        receiver = receiver_from_message(message.receiver) if message.HasField("receiver") else None
    except (KeyError, ValueError) as error:
        raise BadInput(Violation("receiver", "has a value of a later version")) from error
    return ClaimedReceiver(
        receiver_id=message.receiver_id,
        claim=message.claim,
        version=message.version,
        revision=message.revision,
        queued_count=message.queued_count,
        receiver=receiver,
        unfinished=_unfinished(message),
    )


def notice_message(notice: Notice) -> pb.Notice:
    message = pb.Notice(
        vim_id=notice.vim_id,
        vim_name=notice.vim_name,
        group_key=notice.group_key,
        status=status_value(notice.status),
        reason=notice.reason,
        revision=notice.revision,
        muted=notice.muted,
        resolved=notice.resolved,
    )
    set_time(message.since, notice.since)
    set_time(message.told_time, notice.told_time)
    return message


def notice_from_message(message: pb.Notice) -> Notice:
    return Notice(
        vim_id=id_of(message.vim_id),
        vim_name=message.vim_name,
        group_key=message.group_key,
        status=STATUSES.get(message.status),
        reason=message.reason,
        since=moment_of(message.since) if message.HasField("since") else None,
        revision=message.revision,
        told_time=moment_of(message.told_time) if message.HasField("told_time") else None,
        muted=message.muted,
        resolved=message.resolved,
    )


def record_request(claim: Claim, delivery: Delivery) -> pb.RecordDeliveryRequest:
    message = pb.RecordDeliveryRequest(
        receiver_id=claim.receiver_id,
        notifier_id=claim.notifier_id,
        claim=claim.number,
        revision=delivery.revision,
        notices=map(notice_message, delivery.notices),
        outcomes=[
            pb.QueuedOutcome(
                notification_id=outcome.notification_id,
                delivered=outcome.delivered,
                attempts=outcome.attempts,
                error=outcome.error,
            )
            for outcome in delivery.outcomes
        ],
        delivered=delivery.delivered,
        error=delivery.error,
        gone_reason=delivery.gone_reason,
        unfinished=_unfinished_message(delivery.unfinished),
    )
    if (dead := delivery.dead) is not None:
        message.dead_notification.CopyFrom(notification_message(dead.notification))
        message.dead_notification.attempts, message.dead_notification.error = dead.attempts, dead.error
    set_time(message.pending_since, delivery.pending_since)
    return message


def delivery_from_message(message: pb.RecordDeliveryRequest) -> Delivery:
    """Read a request that keeps the rules of its proto. Raises BadInput."""
    return Delivery(
        revision=message.revision,
        notices=[notice_from_message(notice) for notice in message.notices],
        dead=_dead(message) if message.HasField("dead_notification") else None,
        outcomes=[
            QueuedOutcome(id_of(outcome.notification_id), outcome.delivered, outcome.attempts, mask_text(outcome.error))
            for outcome in message.outcomes
        ],
        delivered=message.delivered,
        # Receivers may quote URLs, and people see their errors.
        error=mask_text(message.error),
        gone_reason=mask_text(message.gone_reason),
        pending_since=moment_of(message.pending_since) if message.HasField("pending_since") else None,
        unfinished=_unfinished(message),
    )


def _unfinished_message(unfinished: UnfinishedDelivery | None) -> pb.UnfinishedDelivery | None:
    if unfinished is None:
        return None
    return pb.UnfinishedDelivery(
        first_revision=unfinished.first_revision,
        last_revision=unfinished.last_revision,
        tried_for=duration(unfinished.tried_for_s),
        attempts=unfinished.attempts,
    )


def _unfinished(message: pb.ClaimedReceiver | pb.RecordDeliveryRequest) -> UnfinishedDelivery | None:
    if not message.HasField("unfinished"):
        return None
    part = message.unfinished
    return UnfinishedDelivery(part.first_revision, part.last_revision, seconds(part.tried_for), part.attempts)


def _dead(message: pb.RecordDeliveryRequest) -> DeadNotification:
    dead = message.dead_notification
    try:
        notification = notification_from_message(dead)
    except KeyError as error:
        raise BadInput(Violation("dead_notification", "kinds and statuses are required")) from error
    return DeadNotification(notification, dead.attempts, mask_text(dead.error))
