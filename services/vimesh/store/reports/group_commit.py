"""Commits reports in groups: all that arrive while a transaction runs share the next one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Generic, Never, TypeVar

from vimesh.domain.errors import Overloaded, StoreUnavailable
from vimesh.domain.vims import Report
from vimesh.tracing.spans import child_span

C = TypeVar("C")
"""The items to record: contacts or repeats."""
T = TypeVar("T")
"""The outcome of one item."""

_QUIET_TURNS = 16
"""After this many turns of the loop without a new call, a few microseconds each, no more are expected."""
_READY_SIZE = 100
"""Number of waiting reports that is worth a transaction without waiting for more."""
_MAX_WAIT_S = 0.01
"""Upper bound on the wait, for loops that never go quiet."""

Contact = tuple[Report, float]
"""A report, and the number of seconds within which its action is asked to report again."""


@dataclass(slots=True)
class _Call(Generic[C, T]):
    items: Sequence[C]
    answer: asyncio.Future[list[T]]


class GroupCommit(Generic[C, T]):
    """Merges concurrent calls of `submit` into one transaction at a time.

    A server delivers its calls one by one, with other work in between. So before each transaction the committer yields
    to the loop until no more calls arrive: a busy server needs half as many transactions, and a lone caller does not
    wait.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[C]], Awaitable[list[T]]],
        *,
        max_waiting: int = 20_000,
        max_group: int = 2_000,
        ready_size: int = _READY_SIZE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Queue at most `max_waiting` items and put at most `max_group` into one transaction, or one larger call alone.

        Once `ready_size` items wait, the transaction starts without waiting for more.
        """
        self._commit = commit
        self._max_waiting = max_waiting
        self._max_group = max_group
        self._ready_size = ready_size
        self._clock = clock
        self._calls: deque[_Call[C, T]] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self.oldest_arrival = 0.0
        """When the first report of the group that is being committed arrived, by `clock`.

        If calls were left over from the group before it: when the first of that one did."""
        self._waiting_since = 0.0

    async def submit(self, items: Sequence[C]) -> list[T]:
        """Return the outcomes once they are committed. Raises Overloaded, StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable
        if self._waiting + len(items) > self._max_waiting:
            raise Overloaded
        if not self._calls:
            self._waiting_since = self._clock()
        call = _Call(items, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        self._waiting += len(items)
        self._arrived.set()
        with child_span("report group"):
            return await call.answer

    async def run(self) -> Never:
        """Commit group after group until cancelled; then fail all calls that still wait."""
        group: list[_Call[C, T]] = []
        try:
            while True:
                await self._arrived.wait()
                await self._wait_for_more()
                group = self._next_group()
                if group:
                    await self._commit_group(group)
        finally:
            self._closed = True
            for call in chain(group, self._calls):
                _fail(call, StoreUnavailable())

    async def _wait_for_more(self) -> None:
        """Yield to the loop until no more calls arrive, enough items wait, or the time is up."""
        until = self._clock() + _MAX_WAIT_S
        quiet = 0
        while quiet < _QUIET_TURNS and self._waiting < self._ready_size and self._clock() < until:
            waiting = self._waiting
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._waiting == waiting else 0

    def _next_group(self) -> list[_Call[C, T]]:
        group: list[_Call[C, T]] = []
        size = 0
        self.oldest_arrival = self._waiting_since
        while self._calls and (not group or size + len(self._calls[0].items) <= self._max_group):
            call = self._calls.popleft()
            self._waiting -= len(call.items)
            if not call.answer.done():  # otherwise its caller gave up
                group.append(call)
                size += len(call.items)
        if not self._calls:
            self._arrived.clear()
        return group

    async def _commit_group(self, group: Sequence[_Call[C, T]]) -> None:
        try:
            outcomes = iter(await self._commit(list(chain.from_iterable(call.items for call in group))))
        except (StoreUnavailable, Overloaded) as error:
            for call in group:
                _fail(call, _copy_error(error))
        except Exception as error:  # noqa: BLE001 - the committer must survive any error that a report causes
            await self._commit_separately(group, error)
        else:
            for call in group:
                call_outcomes = list(islice(outcomes, len(call.items)))
                if not call.answer.done():
                    call.answer.set_result(call_outcomes)

    async def _commit_separately(self, group: Sequence[_Call[C, T]], error: Exception) -> None:
        # One report that cannot be stored must not fail the reports of other callers.
        if len(group) == 1:
            _fail(group[0], error)
            return
        for call in group:
            await self._commit_group([call])


def _fail(call: _Call[C, T], error: Exception) -> None:
    if not call.answer.done():
        call.answer.set_exception(error)


def _copy_error(error: StoreUnavailable | Overloaded) -> StoreUnavailable | Overloaded:
    # Each caller gets its own exception: raising one adds the traceback of the caller to it.
    copy = StoreUnavailable(error.why) if isinstance(error, StoreUnavailable) else Overloaded()
    copy.__cause__ = error.__cause__
    return copy
