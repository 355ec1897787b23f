"""Serializes changes once for all watchers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from vimesh.domain.access.caller import ALL_ENGINES, without_action_ids
from vimesh.domain.events import VimEvent
from vimesh.domain.queries import MAX_PAGE_BYTES
from vimesh.domain.vims import Engine
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import answer_messages
from vimesh.wire.views.read_masks import WHOLE_VIM, ReadMask

_MAX_BYTES: Final = 16 * 1024 * 1024


def event_message(
    event: VimEvent, shown_engines: frozenset[Engine], read_mask: ReadMask = WHOLE_VIM
) -> vim_pb2.VimEvent:
    """Return the message for callers that are told the ids of these engines' actions."""
    shown = event if shown_engines == ALL_ENGINES else without_action_ids(event, shown_engines)
    message = answer_messages.event_message(shown)
    if message.HasField("vim"):
        read_mask.apply(message.vim)
    return message


class EventBytes:
    """Caches recently sent events. Their bytes are the same for all watchers, and most of the cost of a watch."""

    def __init__(
        self,
        shown_engines: frozenset[Engine] = ALL_ENGINES,
        read_mask: ReadMask = WHOLE_VIM,
        *,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        """`shown_engines`: the engines whose action ids the watchers are told."""
        self._shown_engines = shown_engines
        self._read_mask = read_mask
        self._max_bytes = max_bytes
        self._by_revision: dict[tuple[int, bool], tuple[VimEvent, bytes]] = {}
        """By revision, and whether the event is marked as filtered out."""
        self.cached_bytes = 0
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
        cached = self._by_revision.get((event.revision, event.filtered_out))
        # Compare the event: after a restored backup, a different change may have this revision.
        if cached is not None and (cached[0] is event or cached[0] == event):
            return cached[1]
        message = event_message(event, self._shown_engines, self._read_mask)
        data = pb.WatchVimsResponse(events=[message]).SerializeToString()
        self._cache(event, data)
        return data

    def _cache(self, event: VimEvent, data: bytes) -> None:
        if self.cached_bytes + len(data) > self._max_bytes:
            self._by_revision.clear()
            self.cached_bytes = 0
        elif (replaced := self._by_revision.get((event.revision, event.filtered_out))) is not None:
            self.cached_bytes -= len(replaced[1])
        self._by_revision[event.revision, event.filtered_out] = (event, data)
        self.cached_bytes += len(data)
