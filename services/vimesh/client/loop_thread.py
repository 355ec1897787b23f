"""Runs an event loop in a thread, for programs without asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

_T = TypeVar("_T")

_END: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class _Opened(Generic[_T]):
    resource: _T
    loop: asyncio.AbstractEventLoop
    closing: asyncio.Event


class LoopThread:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Wait for a coroutine. If waiting is interrupted, such as by Ctrl-C, it is cancelled.

        Raises RuntimeError if the resource was left.
        """
        if self._loop.is_closed():
            coroutine.close()
            raise RuntimeError("the client was closed")
        running = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return running.result()
        except BaseException:
            running.cancel()
            raise

    def iterate(self, items: AsyncGenerator[_T]) -> Generator[_T]:
        """Yield what an asynchronous generator yields, and close it at the end."""
        try:
            while (item := self.run(_next(items))) is not _END:
                yield item
        finally:
            if not self._loop.is_closed():
                self.run(_close(items))


async def _next(items: AsyncGenerator[_T]) -> _T:
    return await anext(items, _END)


async def _close(items: AsyncGenerator[Any]) -> None:
    await items.aclose()


@contextmanager
def loop_thread(resource: AbstractAsyncContextManager[_T]) -> Generator[tuple[LoopThread, _T]]:
    """Enter the resource in an event loop of its own, in which its methods are run, and leave it at the end."""
    opened: Future[_Opened[_T]] = Future()
    thread = threading.Thread(target=_serve, args=(resource, opened), name="vimesh client", daemon=True)
    thread.start()
    try:
        found = opened.result()
    except BaseException:
        thread.join()
        raise
    try:
        yield LoopThread(found.loop), found.resource
    finally:
        found.loop.call_soon_threadsafe(found.closing.set)
        thread.join()


def _serve(resource: AbstractAsyncContextManager[_T], opened: Future[_Opened[_T]]) -> None:
    async def hold() -> None:
        async with resource as entered:
            closing = asyncio.Event()
            opened.set_result(_Opened(entered, asyncio.get_running_loop(), closing))
            await closing.wait()

    try:
        asyncio.run(hold())
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)
