"""Sends each notification to a webhook, with a body that a template makes: for chats and whatever else takes HTTP."""

from __future__ import annotations

from vimesh.domain.notifications.notifications import Notification
from vimesh.domain.notifications.targets import WebhookTarget
from vimesh.notifier.senders.http.http_poster import HttpPoster
from vimesh.notifier.senders.parted_delivery import PartedDelivery
from vimesh.notifier.senders.sender import SendDelayed, SendError, SenderSettings, TimeLimitExceeded
from vimesh.notifier.senders.templates.body_template import BodyTemplate


class WebhookSender:
    def __init__(self, target: WebhookTarget, settings: SenderSettings) -> None:
        self._target = target
        self._http = HttpPoster(settings.guard, target.ssl_ca_cert)
        self._template = BodyTemplate(target.body_template, settings.project_id)
        self._delivery = PartedDelivery(settings.limit_s)
        self._has_rendered = False

    async def send(self, notification: Notification) -> None:
        self._has_rendered = False
        try:
            await self._delivery.deliver(notification, self._send_part)
        except TimeLimitExceeded as error:
            if self._has_rendered:  # the body is there by then, or still has its place in the line
                raise SendDelayed("the template of the receiver waits for those of others", 0.0) from error
            await self._template.discard()
            raise

    async def close(self) -> None:
        await self._template.discard()
        await self._http.close()

    async def _send_part(self, part: Notification) -> None:
        self._has_rendered |= not self._template.is_rendered(part)
        headers = {**self._target.headers, "Content-Type": self._target.content_type}
        try:
            body = await self._template.render(part)
            await self._http.request(self._target.method.value, self._target.url, headers, body)
        except SendError:
            await self._template.discard()
            raise
        await self._template.discard()
