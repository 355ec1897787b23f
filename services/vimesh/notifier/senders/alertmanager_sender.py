"""Tells Alertmanager by its API v2: a problem is an alert, which ends once it is resolved, or nobody renews it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.notifications.notifications import Change, ChangeKind, Notification, NotificationKind, latest_of_each
from vimesh.domain.notifications.receivers import CAUSE
from vimesh.domain.notifications.targets import AlertmanagerTarget
from vimesh.notifier.senders.http.http_poster import HttpPoster, authorization_headers
from vimesh.notifier.senders.sender import (
    DocumentRefused,
    DocumentTooLarge,
    ReceiverGone,
    SendDelayed,
    SendError,
    SenderSettings,
    SendRefused,
    time_limit,
)
from vimesh.notifier.senders.texts.notification_texts import (
    cause_of,
    deed,
    format_time,
    line,
)

PROBLEM_ALERT: Final = "VimeshVimProblem"
CHANGE_ALERT: Final = "VimeshVimChanged"
"""VIMs that were registered, modified or deregistered: it ends by itself."""
TEST_ALERT: Final = "VimeshReceiverTest"
MISSED_RENEWALS: Final = 4
"""An alert ends if so many renewals in a row did not come: as many as Prometheus allows."""
SHORTEST_ALERT: Final = dt.timedelta(minutes=5)
UNRENEWED_ALERT: Final = dt.timedelta(days=7)
"""For receivers that are told of a problem once: an alert whose end is never told must not stay for ever."""
ALERTS_IN_A_REQUEST: Final = 1000
_LIFECYCLE = frozenset({ChangeKind.REGISTERED, ChangeKind.MODIFIED, ChangeKind.DEREGISTERED})
_OUTSIDE_OF_NAMES = re.compile(r"[^0-9A-Za-z_]")
Alert = dict[str, object]


class AlertmanagerSender:
    """All members of a cluster are told, and it suffices that one takes it, as they tell each other."""

    def __init__(
        self,
        target: AlertmanagerTarget,
        settings: SenderSettings,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._target = target
        self._settings = settings
        self._now = now
        self._http = HttpPoster(settings.guard, target.ssl_ca_cert)
        self._headers = {
            "Content-Type": "application/json",
            **authorization_headers(
                username=target.username, password=target.password, bearer_token=target.bearer_token
            ),
        }

    async def send(self, notification: Notification) -> None:
        # In a thread: 10,000 changes take half a second, in which this loop would renew no claim.
        alerts = await asyncio.to_thread(list, self._alerts(notification))
        async with asyncio.TaskGroup() as group:
            attempts = [group.create_task(self._tell(url, alerts)) for url in self._target.urls]
        failures = [attempt.result() for attempt in attempts]
        if all(failures):
            raise _worst([failure for failure in failures if failure])

    async def close(self) -> None:
        await self._http.close()

    async def _tell(self, url: str, alerts: list[Alert]) -> SendError | None:
        """Each member has the whole time: one that hangs takes nothing from the others."""
        try:
            async with time_limit(self._settings.limit_s):
                return await self._post(f"{url.rstrip('/')}/api/v2/alerts", alerts)
        except SendError as error:
            return error

    async def _post(self, url: str, alerts: list[Alert]) -> DocumentRefused | None:
        """Return one of the refusals, if there were any: they do not keep the rest from being sent."""
        refusal: DocumentRefused | None = None
        first, most = 0, ALERTS_IN_A_REQUEST
        while first < len(alerts):
            some = alerts[first : first + most]
            try:
                await self._http.request("POST", url, self._headers, json.dumps(some).encode())
            except DocumentTooLarge as error:
                if len(some) > 1:
                    most = (len(some) + 1) // 2
                    continue
                refusal = error
            except DocumentRefused as error:
                refusal = error
            first += len(some)
        return refusal

    def _alerts(self, notification: Notification) -> Iterator[Alert]:
        if notification.kind is NotificationKind.TEST:
            yield self._test_alert(notification)
        group_labels = _labels_of_group(notification.group)
        for change in latest_of_each(notification.changes):  # an alert is a state: only the last one counts
            yield self._alert(change, group_labels)

    def _alert(self, change: Change, group_labels: Mapping[str, str]) -> Alert:
        is_lifecycle = change.kind in _LIFECYCLE
        start = change.time if is_lifecycle else change.since or change.time
        alert: Alert = {
            # Other labels would be another alert, and the first would stay: what can change is an annotation. A VIM has
            # the same group from the beginning of its problem to the end, whatever becomes of its labels.
            "labels": {
                "alertname": CHANGE_ALERT if is_lifecycle else PROBLEM_ALERT,
                "severity": "info" if is_lifecycle else "warning",
                "project": change.project_id,
                **group_labels,
                **self._target.labels,
                "vim_id": change.vim_id,
            },
            "annotations": _annotations(change),
            "startsAt": format_time(start),
            "endsAt": format_time(max(start, self._end_of(change))),  # the clocks of two machines may differ
        }
        if self._target.console_url:
            alert["generatorURL"] = f"{self._target.console_url.rstrip('/')}/vims/{change.vim_id}"
        return alert

    def _end_of(self, change: Change) -> dt.datetime:
        if change.kind is ChangeKind.RESOLVED:
            return min(change.time, self._now())
        if change.kind in _LIFECYCLE:
            return self._now() + SHORTEST_ALERT
        if not self._settings.repeat_interval_s:
            return self._now() + UNRENEWED_ALERT
        renewals = dt.timedelta(seconds=MISSED_RENEWALS * self._settings.repeat_interval_s)
        return self._now() + max(renewals, SHORTEST_ALERT)

    def _test_alert(self, notification: Notification) -> Alert:
        return {
            "labels": {
                "alertname": TEST_ALERT,
                "severity": "info",
                "receiver": notification.receiver_name,
                **self._target.labels,
            },
            "annotations": {"summary": "This receiver works: notifications of vimesh reach it"},
            "startsAt": format_time(self._now()),
            "endsAt": format_time(self._now() + SHORTEST_ALERT),
        }


def _labels_of_group(group: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of VIMs by which they are grouped, and their cause, but for those that the VIMs do not have."""
    return {
        field if field == CAUSE else _name_of_label(field.removeprefix(LABEL_PREFIX)): value
        for field, value in sorted(group.items())
        if (field == CAUSE or field.startswith(LABEL_PREFIX)) and value
    }


def _name_of_label(key: str) -> str:
    return f"label_{_OUTSIDE_OF_NAMES.sub('_', key)}"


def _annotations(change: Change) -> dict[str, str]:
    annotations = {
        **{_name_of_label(key): value for key, value in sorted(change.labels.items())},
        "vim_name": change.vim_name,
        "vim_type": change.vim_type,
        "summary": deed(change),
        "description": line(change),
    }
    return {**annotations, "cause": cause_of(change)} if change.is_problem else annotations


def _worst(failures: list[SendError]) -> SendError:
    """Return the failure that leaves the most hope: it is tried again if one member may take it later."""
    for kind in (SendDelayed, SendRefused, ReceiverGone):
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    return failures[0]
