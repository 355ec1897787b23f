"""Sends each notification as a CloudEvent 1.0 over HTTP, signed after Standard Webhooks if there is a secret."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from vimesh.domain.notifications.notifications import Notification
from vimesh.domain.notifications.targets import CloudEventsTarget, EventMode
from vimesh.notifier.senders.http.http_poster import HttpPoster, authorization_headers
from vimesh.notifier.senders.http.webhook_signature import parse_signing_secret, signature_headers
from vimesh.notifier.senders.parted_delivery import PartedDelivery
from vimesh.notifier.senders.sender import SenderSettings
from vimesh.notifier.senders.texts.notification_document import notification_document
from vimesh.notifier.senders.texts.notification_texts import format_time

TYPE_PREFIX: Final = "vimesh.notification."
"""`changes`, `reminder` or `test` follows."""
_PLAIN_IN_HEADERS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""All other characters are percent-encoded in the binary mode (CloudEvents HTTP binding 3.1.3.2)."""


class CloudEventsSender:
    def __init__(
        self, target: CloudEventsTarget, settings: SenderSettings, clock: Callable[[], float] = time.time
    ) -> None:
        """Raises SendRefused if the signing secret is not one."""
        self._target = target
        self._clock = clock
        self._key = parse_signing_secret(target.signing_secret) if target.signing_secret else None
        self._http = HttpPoster(settings.guard, target.ssl_ca_cert)
        self._delivery = PartedDelivery(settings.limit_s)

    async def send(self, notification: Notification) -> None:
        await self._delivery.deliver(notification, self._send_part)

    async def close(self) -> None:
        await self._http.close()

    async def _send_part(self, notification: Notification) -> None:
        # In a thread: 10,000 changes take half a second, in which this loop would renew no claim.
        headers, body = await asyncio.to_thread(self._event, notification)
        headers |= authorization_headers(bearer_token=self._target.bearer_token)
        if self._key is not None:
            headers |= signature_headers(self._key, notification.id, body, int(self._clock()))
        await self._http.request("POST", self._target.url, headers, body)

    def _event(self, notification: Notification) -> tuple[dict[str, str], bytes]:
        attributes = {
            "specversion": "1.0",
            "id": notification.id,
            "source": self._target.source,
            "type": TYPE_PREFIX + notification.kind.value.lower(),
            "time": format_time(self._time_of(notification)),
        }
        data = notification_document(notification)
        if self._target.mode is EventMode.STRUCTURED:
            event = {**attributes, "datacontenttype": "application/json", "data": data}
            return {"Content-Type": "application/cloudevents+json"}, json.dumps(event).encode()
        headers = {f"ce-{name}": quote(value, safe=_PLAIN_IN_HEADERS) for name, value in attributes.items()}
        return {**headers, "Content-Type": "application/json"}, json.dumps(data).encode()

    def _time_of(self, notification: Notification) -> dt.datetime:
        """Return when it happened, so that a repeat says the same."""
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        return max((change.time for change in notification.changes), default=now)
