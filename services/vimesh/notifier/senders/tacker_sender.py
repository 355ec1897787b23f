"""Tells Tacker of faults by its `fault_notification` API (version 2), which heals the server that the URL names.

The URL is `.../server_notification/vnf_instances/{vnfInstanceId}/servers/{server_id}/notify`. Tacker is told of new
problems alone: each notification may heal once more, and there is no word for the end of a fault.
"""

from __future__ import annotations

from typing import Final

from vimesh.domain.notifications.notifications import Change, ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.targets import TackerTarget
from vimesh.domain.vims import Status
from vimesh.notifier.senders.http.http_poster import HttpPoster, authorization_headers
from vimesh.notifier.senders.http.post_series import PostSeries
from vimesh.notifier.senders.sender import SenderSettings
from vimesh.notifier.senders.texts.notification_document import Document
from vimesh.notifier.senders.texts.notification_texts import MAX_DETAIL, format_time, line, printable

FAULT_IDS: Final = {Status.UNREACHABLE: "1001", Status.UNKNOWN: "1002"}
"""Tacker heals a server for the ids of faults that its VNF names; each has four characters."""
TEST_FAULT_ID: Final = "0000"
PHYSICAL_SERVER_FAULT: Final = "10"
"""Of the types of faults that Tacker has, the one for what is below the virtual machine."""


class TackerSender:
    def __init__(self, target: TackerTarget, settings: SenderSettings) -> None:
        self._http = HttpPoster(settings.guard, target.ssl_ca_cert)
        headers = {"Content-Type": "application/json", "Version": "2.0.0"}
        headers |= {"X-Auth-Token": target.bearer_token} if target.bearer_token else {}
        headers |= authorization_headers(bearer_token=target.bearer_token)
        self._series = PostSeries(self._http, target.url, headers, settings.limit_s)

    async def send(self, notification: Notification) -> None:
        if notification.kind is NotificationKind.TEST:
            documents = {notification.id: _test_document(notification)}
        else:
            problems = [change for change in notification.changes if change.kind is ChangeKind.PROBLEM]
            documents = {change.key: _document(change) for change in problems}
        await self._series.post(notification.kind, documents)

    async def close(self) -> None:
        await self._http.close()


def _document(change: Change) -> Document:
    return {
        "notification": {
            "host_id": change.vim_id,
            "alarm_id": change.vim_id,
            "fault_id": FAULT_IDS.get(change.status, FAULT_IDS[Status.UNKNOWN]),
            "fault_type": PHYSICAL_SERVER_FAULT,
            "fault_option": {
                "message": line(change),
                "vim_id": change.vim_id,
                "vim_name": change.vim_name,
                "status": change.status.value,
                "reason": change.reason,
                "detail": printable(change.detail)[:MAX_DETAIL],
                "since": format_time(change.since or change.time),
            },
        }
    }


def _test_document(notification: Notification) -> Document:
    return {
        "notification": {
            "alarm_id": notification.id,
            "fault_id": TEST_FAULT_ID,
            "fault_type": PHYSICAL_SERVER_FAULT,
            "fault_option": {"message": "This is a test of a receiver of vimesh: there is no fault"},
        }
    }
