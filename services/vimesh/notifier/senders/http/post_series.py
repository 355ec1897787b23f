"""Sends a request for each change of a notification, and goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping

from vimesh.domain.notifications.notifications import NotificationKind
from vimesh.notifier.senders.delivery_progress import DeliveryProgress
from vimesh.notifier.senders.http.http_poster import HttpPoster
from vimesh.notifier.senders.sender import DocumentRefused


class PostSeries:
    def __init__(self, http: HttpPoster, url: str, headers: Mapping[str, str], limit_s: float) -> None:
        self._http = http
        self._url = url
        self._headers = headers
        self._limit_s = limit_s
        self._progress = DeliveryProgress()

    async def post(self, kind: NotificationKind, documents: Mapping[str, object]) -> None:
        """Post each document in turn; a repeat posts those that were not taken. Their keys name them for ever.

        A document that is refused does not keep the rest from being sent. Raises as `HttpPoster.request` and
        `DeliveryProgress.attempt`.
        """
        async with self._progress.attempt(kind, list(documents), self._limit_s):
            for key, document in documents.items():
                if not self._progress.is_open(key):
                    continue
                try:
                    await self._http.request("POST", self._url, self._headers, json.dumps(document).encode())
                except DocumentRefused as error:
                    self._progress.refuse([key], error)
                else:
                    self._progress.accept([key])
