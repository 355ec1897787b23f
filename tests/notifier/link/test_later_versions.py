"""What conductors of a later version say is read as far as this version can."""

from __future__ import annotations

from uuid import UUID

import pytest

from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Status
from vimesh.notifier.link.agenda_messages import log_change, vim_truth
from vimesh.notifier.link.conductor_link import readable_notification
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.notifier_service_pb2 import ClaimedReceiver
from vimesh.v1.receiver_service_pb2 import EmailTarget, Receiver, WebhookTarget
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.wire.notifications.delivery_messages import claimed_from_message

_LATER = 99
_ID = str(UUID(int=1))
_WEBHOOK = WebhookTarget(url="http://127.0.0.1:9/hook", body_template="{}")


@pytest.mark.parametrize(
    "receiver",
    [
        Receiver(id=_ID, name="ops", webhook=_WEBHOOK, statuses=[_LATER]),  # type: ignore[list-item]
        Receiver(id=_ID, name="ops", webhook=WebhookTarget(method=_LATER)),  # type: ignore[arg-type]
        Receiver(id=_ID, name="ops", email=EmailTarget(tls=_LATER)),  # type: ignore[arg-type]
        Receiver(id=_ID, name="ops"),
    ],
)
def test_a_receiver_with_a_later_value_is_bad_input(receiver: Receiver) -> None:
    with pytest.raises(BadInput):
        claimed_from_message(ClaimedReceiver(receiver_id=_ID, claim=1, receiver=receiver))


@pytest.mark.parametrize(
    "message",
    [
        pb.Notification(id=_ID, kind=_LATER),  # type: ignore[arg-type]
        pb.Notification(kind=pb.Notification.CHANGES, changes=[pb.NotificationChange(kind=_LATER)]),  # type: ignore[arg-type]
        pb.Notification(
            kind=pb.Notification.CHANGES,
            changes=[pb.NotificationChange(kind=pb.NotificationChange.PROBLEM, status=_LATER)],  # type: ignore[arg-type]
        ),
    ],
)
def test_a_queued_notification_with_a_later_value_has_no_changes(message: pb.Notification) -> None:
    message.id = _ID

    notification = readable_notification(message, "ops")

    assert (notification.id, notification.receiver_name, notification.changes) == (_ID, "ops", ())


def test_a_later_status_is_no_problem_and_no_end_of_one() -> None:
    assert vim_truth(Vim(id=_ID, status=_LATER)).status is Status.PENDING  # type: ignore[arg-type]


def test_a_later_kind_of_change_is_skipped() -> None:
    assert log_change(VimEvent(vim_id=_ID, kind=_LATER, status=Vim.REACHABLE)) is None  # type: ignore[arg-type]
