"""Runs logins in a thread with a loop of its own, so that handshakes and answers of hostile clouds delay no probe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

_T = TypeVar("_T")
_END_S = 2.0


class LoginLoop:
    """Enter it in the loop that is to wait for its results."""

    def __enter__(self) -> Self:
        self._callers = asyncio.get_running_loop()
        self._loop = asyncio.new_event_loop()
        # A daemon: a handshake of a hostile server can hold it, and must not keep the process from exiting.
        self._thread = threading.Thread(target=self._run, name="vimesh-logins", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(RuntimeError):  # it is closed already
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_S)

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(_cancel_others())
        finally:
            self._loop.close()

    async def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine there, and return what it returns. Cancelling this cancels it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def notify(self, callback: Callable[[], object]) -> None:
        """Have the callers' loop call something, from the thread."""
        with suppress(RuntimeError):  # it has just been closed
            self._callers.call_soon_threadsafe(callback)

    async def ask_callers(self, question: Callable[[Callable[[_T], object]], object]) -> _T:
        """From the thread: have the callers' loop begin something that calls back once, and wait for the answer."""
        answer: Future[_T] = Future()

        def take(value: _T) -> None:
            if not answer.done():
                answer.set_result(value)

        self.notify(lambda: question(take))
        return await asyncio.wrap_future(answer)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
