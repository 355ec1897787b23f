"""Serves WatchVims: a snapshot, and then every change, of all VIMs or of those that match a filter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from weakref import WeakValueDictionary

from vimesh.conductor.message_pages import split_pages
from vimesh.conductor.watches.event_bytes import EventBytes
from vimesh.conductor.watches.filtered_events import FilteredEvents
from vimesh.conductor.watches.watch_streams import WatchStreams
from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import VimNotFound
from vimesh.domain.events import VimEvent
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Vim
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import request_messages
from vimesh.wire.views.read_masks import ReadMask
from vimesh.wire.views.vim_view import shown_vim

_PAGE_SIZE = 500

_Selection = Callable[[Sequence[VimEvent]], Awaitable[Sequence[VimEvent]]]


class VimWatches:
    def __init__(self, store: VimStore, streams: WatchStreams) -> None:
        self._store = store
        self._streams = streams
        self.filtered_events = FilteredEvents(store.filters)
        self._event_bytes: WeakValueDictionary[tuple[frozenset[Engine], tuple[str, ...]], EventBytes] = (
            WeakValueDictionary()
        )

    async def watch(self, request: pb.WatchVimsRequest, caller: Caller) -> AsyncIterator[bytes]:
        """Yield serialized WatchVimsResponses, until the stream ends."""
        vim_id = request_messages.id_of(request.vim_id)
        vim_filter, read_mask = parse_filter(request.filter), ReadMask(request.read_mask)
        event_bytes = self._event_bytes_for(caller, read_mask)
        if request.start_revision:
            start = await self._streams.resume(request.start_revision, request_messages.id_of(request.log_id))
        else:
            # Read the revision before the snapshot: changes made while it is read are then sent as events too.
            start = await self._streams.start_now()
            if request.snapshot:
                async for vims in self._snapshot(vim_id, vim_filter, caller):
                    for page in split_pages(await in_slices(lambda vim: shown_vim(vim, caller, read_mask), vims)):
                        yield pb.WatchVimsResponse(vims=page).SerializeToString()
        # Signals that the stream is established, that the snapshot is complete, and where to resume.
        yield pb.WatchVimsResponse(revision=start.revision, log_id=start.log_id).SerializeToString()
        with self._selection(vim_filter) as select:
            async for step in self._streams.follow(
                start, lambda event: vim_id in ("", event.vim_id) and caller.sees(event.project_id), select
            ):
                *full, (rest, _) = list(event_bytes.pages(step.events)) or [(b"", 0)]
                # Concatenated serialized messages parse as one message.
                for events, last in full:
                    yield events + pb.WatchVimsResponse(revision=last).SerializeToString()
                yield rest + pb.WatchVimsResponse(revision=step.revision, end=step.end).SerializeToString()

    def _event_bytes_for(self, caller: Caller, read_mask: ReadMask) -> EventBytes:
        """Return the bytes that all watchers share who are told the same action ids and fields."""
        key = (caller.shown_engines, read_mask.paths)
        event_bytes = self._event_bytes.get(key)
        if event_bytes is None:
            event_bytes = self._event_bytes[key] = EventBytes(caller.shown_engines, read_mask)
        return event_bytes

    @contextmanager
    def _selection(self, vim_filter: Filter) -> Generator[_Selection | None]:
        if not vim_filter:
            yield None
            return
        with self.filtered_events.watching(vim_filter) as log:
            yield log.select

    async def _snapshot(self, vim_id: str, vim_filter: Filter, caller: Caller) -> AsyncIterator[Sequence[Vim]]:
        if vim_id:
            # The snapshot of a VIM that does not exist is empty.
            try:
                vim = await self._store.get(vim_id, caller)
            except VimNotFound:
                return
            yield [vim] if vim_filter.matches(vim) else []
        elif vim_filter:
            async for page in self._matching(vim_filter, caller):
                yield page
        else:
            for project_id in [""] if caller.projects is None else sorted(caller.projects):
                last_id = ""
                while page := await self._store.vims_after(last_id, _PAGE_SIZE, project_id):
                    last_id = page[-1].id
                    yield page

    async def _matching(self, vim_filter: Filter, caller: Caller) -> AsyncIterator[Sequence[Vim]]:
        """Yield the VIMs that match, in the order of their registration, which never changes."""
        token = ""
        while True:
            query = VimQuery(vim_filter, page_size=_PAGE_SIZE, page_token=token, projects=caller.projects)
            page = await self._store.list_vims(query)
            yield page.vims
            token = page.next_page_token
            if not token:
                return
