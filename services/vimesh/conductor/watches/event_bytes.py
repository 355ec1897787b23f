"""Serializes changes once for all watchers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from vimesh.domain.events import VimEvent
from vimesh.domain.queries import MAX_PAGE_BYTES
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import answer_messages

_KEPT_BYTES: Final = 16 * 1024 * 1024


class EventBytes:
    """Caches recently sent events. Their bytes are the same for all watchers, and most of the cost of a watch."""

    def __init__(self, *, kept_bytes: int = _KEPT_BYTES) -> None:
        self._most_bytes = kept_bytes
        self._of: dict[int, tuple[VimEvent, bytes]] = {}
        self.kept_bytes = 0
        """Bytes of cached messages; the events they were built from are in memory as well."""

    def pages(self, events: Sequence[VimEvent]) -> Iterator[tuple[bytes, int]]:
        """Yield serialized WatchVimsResponses that hold only events, each with its last revision."""
        page: list[bytes] = []
        room, revision = MAX_PAGE_BYTES, 0
        for event in events:
            data = self._bytes_of(event)
            if page and len(data) > room:
                yield b"".join(page), revision
                page, room = [], MAX_PAGE_BYTES
            page.append(data)
            room -= len(data)
            revision = event.revision
        if page:
            yield b"".join(page), revision

    def _bytes_of(self, event: VimEvent) -> bytes:
        kept = self._of.get(event.revision)
        # Compare the event: after a restored backup, a different change may have this revision.
        if kept is not None and (kept[0] is event or kept[0] == event):
            return kept[1]
        data = pb.WatchVimsResponse(events=[answer_messages.event_message(event)]).SerializeToString()
        self._keep(event, data)
        return data

    def _keep(self, event: VimEvent, data: bytes) -> None:
        if self.kept_bytes + len(data) > self._most_bytes:
            self._of.clear()
            self.kept_bytes = 0
        elif event.revision in self._of:
            self.kept_bytes -= len(self._of[event.revision][1])
        self._of[event.revision] = (event, data)
        self.kept_bytes += len(data)
