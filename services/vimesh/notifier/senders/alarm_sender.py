"""Sends alarms after ETSI GS NFV-SOL 002 and SOL 003 (V3.3.1, clause 7.5.2), as their fault management interface does.

The VIM is the managed object, and its problem the alarm: raised, changed and cleared under one id for each receiver. A
receiver has no subscription at vimesh, so its own id stands for one, and links are URNs: there is nothing to read.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID, uuid5

from vimesh.domain.notifications.notifications import Change, ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.targets import AlarmVersion, FaultManagementTarget
from vimesh.domain.vims import Status
from vimesh.notifier.senders.delivery_progress import document_id
from vimesh.notifier.senders.http.http_poster import HttpPoster, authorization_headers
from vimesh.notifier.senders.http.post_series import PostSeries
from vimesh.notifier.senders.sender import SenderSettings, time_limit
from vimesh.notifier.senders.texts.notification_document import Document
from vimesh.notifier.senders.texts.notification_texts import MAX_DETAIL, deed, format_time, printable

API_VERSION: Final = "1.3.0"
"""Of the interface, in the header `Version` (SOL 013): the one in V3.3.1 of both documents."""
_SEVERITIES = {Status.UNREACHABLE: "CRITICAL", Status.UNKNOWN: "INDETERMINATE"}


class AlarmSender:
    """The interface has no word for VIMs that people register, modify or deregister: these changes are left out."""

    def __init__(
        self,
        target: FaultManagementTarget,
        settings: SenderSettings,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._target = target
        self._limit_s = settings.limit_s
        self._now = now
        self._http = HttpPoster(settings.guard, target.ssl_ca_cert)
        self._headers = {
            "Content-Type": "application/json",
            "Version": API_VERSION,
            **authorization_headers(
                username=target.username, password=target.password, bearer_token=target.bearer_token
            ),
        }
        self._series = PostSeries(self._http, target.url, self._headers, settings.limit_s)

    async def send(self, notification: Notification) -> None:
        if notification.kind is NotificationKind.TEST:  # the interface tests an endpoint so
            async with time_limit(self._limit_s):
                await self._http.request("GET", self._target.url, self._headers)
            return
        # In a thread: 10,000 changes take half a second, in which this loop would renew no claim.
        documents = await asyncio.to_thread(dict, self._documents(notification))
        await self._series.post(notification.kind, documents)

    async def close(self) -> None:
        await self._http.close()

    def _documents(self, notification: Notification) -> Iterator[tuple[str, Document]]:
        receiver = UUID(notification.receiver_id)
        for change in notification.changes:
            key, alarm_id = change.key, uuid5(receiver, change.vim_id)
            head: Document = {
                "id": document_id(notification, [key]),
                "subscriptionId": str(receiver),
                "timeStamp": format_time(self._now()),
            }
            if change.is_problem:
                yield (
                    key,
                    {
                        **head,
                        "notificationType": "AlarmNotification",
                        "alarm": self._alarm(alarm_id, change),
                        "_links": {"subscription": _link(receiver)},
                    },
                )
            elif change.kind is ChangeKind.RESOLVED:
                yield (
                    key,
                    {
                        **head,
                        "notificationType": "AlarmClearedNotification",
                        "alarmId": str(alarm_id),
                        "alarmClearedTime": format_time(change.time),
                        "_links": {"subscription": _link(receiver), "alarm": _link(alarm_id)},
                    },
                )

    def _alarm(self, alarm_id: UUID, change: Change) -> Document:
        alarm: Document = {
            "id": str(alarm_id),
            "managedObjectId": change.vim_id,
            "rootCauseFaultyResource": {
                "faultyResource": {
                    "vimConnectionId": change.vim_id,
                    "resourceId": change.vim_id,
                    "vimLevelResourceType": "VIM",
                },
                "faultyResourceType": "NETWORK",
            },
            "alarmRaisedTime": format_time(change.since or change.time),
            "ackState": "UNACKNOWLEDGED",
            "perceivedSeverity": _SEVERITIES.get(change.status, "INDETERMINATE"),
            "eventTime": format_time(change.time),
            "eventType": "COMMUNICATIONS_ALARM",
            "faultType": f"VIM_{change.status}",
            "probableCause": printable(change.reason) or "UNKNOWN",
            "isRootCause": False,
            "faultDetails": [deed(change), *filter(None, [printable(change.detail)[:MAX_DETAIL]])],
            "_links": {"self": _link(alarm_id)},
        }
        if change.since and change.time > change.since:
            alarm["alarmChangedTime"] = format_time(change.time)
        if self._target.version is AlarmVersion.SOL002:  # it alone names parts of a VNF: none is meant
            alarm["vnfcInstanceIds"] = []
        return alarm


def _link(to: UUID) -> dict[str, str]:
    return {"href": to.urn}
