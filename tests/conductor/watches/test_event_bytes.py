from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.conductor.watches.event_bytes import EventBytes
from vimesh.domain.events import VimEvent
from vimesh.domain.queries import MAX_PAGE_BYTES
from vimesh.v1.vim_service_pb2 import WatchVimsResponse


async def some_events(folder: Path, count: int, **fields: object) -> list[VimEvent]:
    async with store_at(sqlite_url(folder / "vimesh.sqlite")) as store:
        for _ in range(count):
            await store.register(registration(**fields))
        return await store.events_after(1, count)


def revisions(page: bytes) -> list[int]:
    return [event.revision for event in WatchVimsResponse.FromString(page).events]


async def test_what_one_watcher_was_sent_is_sent_to_the_next(tmp_path: Path) -> None:
    events, shared = await some_events(tmp_path, 3), EventBytes()

    [(first, last)] = shared.pages(events[:1])
    [(again, _)] = shared.pages([replace(events[0])])

    assert first is again
    assert (revisions(first), last) == ([events[0].revision], events[0].revision)
    assert [revisions(page) for page, _ in shared.pages(events)] == [[event.revision for event in events]]


async def test_another_change_with_the_same_revision_is_not_taken_for_it(tmp_path: Path) -> None:
    [event], shared = await some_events(tmp_path, 1), EventBytes()
    list(shared.pages([event]))

    [(page, _)] = shared.pages([replace(event, reason="AFTER_A_RESTORE")])

    assert WatchVimsResponse.FromString(page).events[0].reason == "AFTER_A_RESTORE"


async def test_pages_are_no_longer_than_clients_take_and_what_is_kept_is_bounded(tmp_path: Path) -> None:
    shared = EventBytes(max_bytes=100_000)
    events = await some_events(tmp_path, 30, extra={"a": "x" * 60_000})

    pages = list(shared.pages(events))

    assert [revision for page, _ in pages for revision in revisions(page)] == [event.revision for event in events]
    assert len(pages) > 1
    assert max(len(page) for page, _ in pages) <= MAX_PAGE_BYTES
    assert shared.cached_bytes <= 100_000
