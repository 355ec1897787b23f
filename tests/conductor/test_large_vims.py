"""However large VIMs are, every message stays below what clients take by default."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from tests.support.deployments.conductors import Client
from vimesh.conductor.message_pages import read_fitting, split_pages
from vimesh.domain.queries import MAX_PAGE_BYTES
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_COUNT = 16


def large() -> dict[str, object]:
    """Make fields that are as large as the rules allow, and larger on the wire than as JSON."""
    numbers, text = Struct(), Struct()
    numbers.update({"a": [0] * 2000})
    text.update({"a": "x" * 65_000})
    return {"extra": numbers, "placement_attr": numbers, "vim_project": text, "auth_cred": text}


@pytest.fixture
async def ids(client: Client) -> list[str]:
    return [(await client.register(**large())).id for _ in range(_COUNT)]


def assert_small(responses: Sequence[Message]) -> None:
    assert len(responses) > 1
    assert max(response.ByteSize() for response in responses) < MAX_PAGE_BYTES + 1024


async def test_lists_of_large_vims_come_in_short_pages_without_gap_or_repeat(client: Client, ids: list[str]) -> None:
    pages: list[pb.ListVimsResponse] = []
    token = ""
    async with grpc.aio.insecure_channel(client.address) as plain:
        stub = VimServiceStub(plain)
        while token or not pages:
            request = pb.ListVimsRequest(page_size=1000, page_token=token)
            pages.append(await stub.ListVims(request, timeout=20))
            token = pages[-1].next_page_token

    assert_small(pages)
    assert [vim.id for page in pages for vim in page.vims] == ids


async def test_changes_of_large_vims_come_in_short_pages_without_gap_or_repeat(client: Client, ids: list[str]) -> None:
    pages: list[pb.ListVimEventsResponse] = []
    token = ""
    while token or not pages:
        pages.append(await client.vims.ListVimEvents(pb.ListVimEventsRequest(page_token=token), timeout=20))
        token = pages[-1].next_page_token

    assert_small(pages)
    assert [event.vim_id for page in pages for event in page.events] == ids[::-1]


async def test_a_page_has_few_of_the_vims_that_have_many_values(client: Client) -> None:
    lists = Struct()
    lists.update({"a": [[] for _ in range(2000)]})
    ids = [(await client.register(extra=lists, placement_attr=lists)).id for _ in range(20)]

    vims = await client.vims.ListVims(pb.ListVimsRequest(page_size=1000), timeout=20)
    events = await client.vims.ListVimEvents(pb.ListVimEventsRequest(page_size=1000), timeout=20)

    # They take 320 KB, but to convert them takes much longer than to send them.
    assert [vim.id for vim in vims.vims] == ids[:3]
    assert [event.vim_id for event in events.events] == ids[:-4:-1]
    assert vims.next_page_token
    assert events.next_page_token


async def test_a_watch_shows_large_vims_in_small_messages(client: Client, ids: list[str]) -> None:
    shown: list[pb.WatchVimsResponse] = []
    async for response in client.vims.WatchVims(pb.WatchVimsRequest(snapshot=True), timeout=20):
        if response.revision:
            break
        shown.append(response)
    changes: list[pb.WatchVimsResponse] = []
    async for response in client.vims.WatchVims(pb.WatchVimsRequest(start_revision=2), timeout=20):
        changes += [response] if response.events else []
        if response.events and response.events[-1].vim_id == ids[-1]:
            break

    assert_small(shown)
    assert sorted(vim.id for response in shown for vim in response.vims) == sorted(ids)
    assert_small(changes)
    assert [event.vim_id for response in changes for event in response.events] == ids
    assert [response.revision for response in changes] == [response.events[-1].revision for response in changes]


def vims(*sizes: int) -> list[vim_pb2.Vim]:
    return [vim_pb2.Vim(description="x" * size) for size in sizes]


def test_what_is_too_large_for_a_page_makes_one_alone() -> None:
    small, half, huge = 100, MAX_PAGE_BYTES // 2, 2 * MAX_PAGE_BYTES

    pages = list(split_pages(vims(huge, small, half, half, huge)))

    assert [[len(vim.description) for vim in page] for page in pages] == [[huge], [small, half], [half], [huge]]
    assert list(split_pages([])) == []


async def test_a_page_that_grows_while_it_is_cut_is_cut_again() -> None:
    answers = [vims(*[MAX_PAGE_BYTES // 3] * 5), vims(*[MAX_PAGE_BYTES] * 2), vims(MAX_PAGE_BYTES)]
    asked: list[int] = []

    async def read(size: int) -> tuple[Sequence[vim_pb2.Vim], str]:
        asked.append(size)
        return answers[len(asked) - 1], f"after {size}"

    found, token = await read_fitting(read, 5)

    assert (asked, len(found), token) == ([5, 2, 1], 1, "after 1")
