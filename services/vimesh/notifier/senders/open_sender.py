"""Makes the sender for a target. Each kind of target has its line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vimesh.domain.notifications.targets import (
    AlertmanagerTarget,
    CloudEventsTarget,
    EmailTarget,
    FaultManagementTarget,
    TackerTarget,
    Target,
    WebhookTarget,
)
from vimesh.notifier.senders.alarm_sender import AlarmSender
from vimesh.notifier.senders.alertmanager_sender import AlertmanagerSender
from vimesh.notifier.senders.cloud_events_sender import CloudEventsSender
from vimesh.notifier.senders.email_sender import EmailSender
from vimesh.notifier.senders.sender import OWN_LIMIT_S, Sender, SenderSettings
from vimesh.notifier.senders.tacker_sender import TackerSender
from vimesh.notifier.senders.target_guard import TargetGuard
from vimesh.notifier.senders.webhook_sender import WebhookSender

SENDERS: Mapping[type[Target], Callable[[Any, SenderSettings], Sender]] = {
    AlertmanagerTarget: AlertmanagerSender,
    CloudEventsTarget: CloudEventsSender,
    EmailTarget: EmailSender,
    FaultManagementTarget: AlarmSender,
    TackerTarget: TackerSender,
    WebhookTarget: WebhookSender,
}


def open_sender(
    target: Target, *, guard: TargetGuard, repeat_interval_s: float, project_id: str = "", limit_s: float = OWN_LIMIT_S
) -> Sender:
    """Return a sender, which whoever opened it closes. Nothing is connected to before it sends.

    `project_id`: of the receiver. `limit_s`: how long a try takes at most. Raises SendRefused if the target cannot be
    used as it is.
    """
    return SENDERS[type(target)](target, SenderSettings(guard, repeat_interval_s, limit_s, project_id))
