"""Lists past changes that left their VIM matching a filter."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.domain.access.caller import Caller
from vimesh.domain.events import VimEvent
from vimesh.domain.filters.event_match import matches_after
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.vim_store import VimStore
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.request_messages import id_of

_MAX_LOOKS = 300
"""Changes that are looked at for one page, which is cut short after that: each takes up to 0.4 ms of CPU."""


async def list_events(
    store: VimStore, request: pb.ListVimEventsRequest, vim_filter: Filter, size: int, caller: Caller
) -> tuple[Sequence[VimEvent], str]:
    """Return up to `size` of the changes that are asked for, newest first, and the token of the next page.

    Raises PageTokenInvalid, EventUnreadable.
    """
    vim_id, page_token = id_of(request.vim_id), request.page_token
    if not vim_filter:
        return await store.events_of(vim_id, size, page_token, caller)
    matching: list[VimEvent] = []
    looks = 0
    while looks < _MAX_LOOKS:
        count = min(size - len(matching), _MAX_LOOKS - looks)
        events, page_token = await store.events_of(vim_id, count, page_token, caller)
        matching += await _matching(store, vim_filter, events)
        looks += len(events)
        # A page that is half full is enough: reading on would be for fewer and fewer changes at a time.
        if not page_token or not events or 2 * len(matching) >= size:
            break
    return matching, page_token


async def _matching(store: VimStore, vim_filter: Filter, events: Sequence[VimEvent]) -> list[VimEvent]:
    decided = {event.revision: matches_after(vim_filter.root, event) for event in events}
    undecided = {event.vim_id for event in events if decided[event.revision] is None}
    vims = await store.filters.filterable_vims(undecided) if undecided else {}
    return [
        event
        for event in events
        if decided[event.revision] or matches_after(vim_filter.root, event, vims.get(event.vim_id))
    ]
