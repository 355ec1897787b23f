"""Watching a conductor, as tests do it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import asynccontextmanager

import grpc

from tests.support.deployments.conductors import Client
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.background import beside
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

Kind, Vim = vim_pb2.VimEvent, vim_pb2.Vim


@asynccontextmanager
async def followed(store: VimStore, **limits: int) -> AsyncGenerator[EventFeed]:
    """Run the feed of a conductor over the store."""
    feed = EventFeed(store, poll_s=0.01, **limits)
    async with beside(feed.run()):
        yield feed


def watch(
    client: Client, start: int = 0, **fields: object
) -> grpc.aio.UnaryStreamCall[pb.WatchVimsRequest, pb.WatchVimsResponse]:
    request = pb.WatchVimsRequest(start_revision=start, **fields)  # type: ignore[arg-type]  # fields by name
    return client.vims.WatchVims(request, timeout=20)


async def begun(stream: AsyncIterable[pb.WatchVimsResponse]) -> list[pb.WatchVimsResponse]:
    """Read until the stream says from where it goes on."""
    seen = []
    async for response in stream:
        seen.append(response)
        if response.revision:
            return seen
    return seen


async def events(
    stream: AsyncIterable[pb.WatchVimsResponse], until: Callable[[list[vim_pb2.VimEvent]], bool]
) -> list[vim_pb2.VimEvent]:
    seen: list[vim_pb2.VimEvent] = []
    async for response in stream:
        seen += response.events
        if until(seen):
            break
    return seen


def never(_seen: list[vim_pb2.VimEvent]) -> bool:
    return False


async def change_often(client: Client, vim: vim_pb2.Vim, times: int) -> None:
    for n in range(times):
        await client.report(vim, Vim.UNREACHABLE if n % 2 else Vim.REACHABLE, n + 1)


def without(vim: vim_pb2.Vim, *fields: str, **others: int) -> vim_pb2.Vim:
    """Return it as an event holds it that says nothing of these fields."""
    left = Vim()
    left.CopyFrom(vim)
    for field in fields:
        left.ClearField(field)  # type: ignore[arg-type]  # a field by name
    left.MergeFrom(Vim(**others))  # type: ignore[arg-type]  # fields by name
    return left
