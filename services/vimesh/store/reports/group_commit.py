"""Group commit: whoever reports while a transaction runs shares the next one."""

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

C = TypeVar("C")
"""What is to be recorded: contacts, or repeats."""
T = TypeVar("T")
"""What comes of it."""

_QUIET_TURNS = 16
"""So many turns of the loop without another call, a few microseconds each, say that no more are about to come."""
_MANY = 100
"""So many reports are worth a transaction of their own."""
_LONGEST_S = 0.01
"""For so long at most are they waited for: a loop that is never quiet has other work to do."""

Contact = tuple[Report, float]
"""A report, and within how many seconds its action is asked to be back."""


@dataclass(slots=True)
class _Call(Generic[C, T]):
    contacts: Sequence[C]
    answer: asyncio.Future[list[T]]


class GroupCommit(Generic[C, T]):
    """Merges concurrent calls of `record` into one transaction at a time.

    A server hands its calls over one by one, with other work between. So before each transaction the loop is let go on
    until it brings no more of them: a busy server needs half as many transactions, and a lone caller does not wait.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[C]], Awaitable[list[T]]],
        *,
        max_waiting: int = 20_000,
        max_group: int = 2_000,
        many: int = _MANY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold at most `max_waiting` of them; put at most `max_group` into one transaction, or one call alone.

        When so `many` wait, they do not wait for others.
        """
        self._commit = commit
        self._max_waiting = max_waiting
        self._max_group = max_group
        self._many = many
        self._clock = clock
        self._calls: deque[_Call[C, T]] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._closed = False

    async def record(self, contacts: Sequence[C]) -> list[T]:
        """Return the outcomes once they are committed. Raises Overloaded, StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable
        if self._waiting + len(contacts) > self._max_waiting:
            raise Overloaded
        call = _Call(contacts, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        self._waiting += len(contacts)
        self._arrived.set()
        return await call.answer

    async def run(self) -> Never:
        """Commit group after group until cancelled; then nobody is left waiting."""
        group: list[_Call[C, T]] = []
        try:
            while True:
                await self._arrived.wait()
                await self._let_in()
                group = self._take()
                if group:
                    await self._answer(group)
        finally:
            self._closed = True
            for call in chain(group, self._calls):
                _fail(call, StoreUnavailable())

    async def _let_in(self) -> None:
        """Return when no more calls are about to come, or many reports wait."""
        until = self._clock() + _LONGEST_S
        quiet = 0
        while quiet < _QUIET_TURNS and self._waiting < self._many and self._clock() < until:
            waiting = self._waiting
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._waiting == waiting else 0

    def _take(self) -> list[_Call[C, T]]:
        group: list[_Call[C, T]] = []
        size = 0
        while self._calls and (not group or size + len(self._calls[0].contacts) <= self._max_group):
            call = self._calls.popleft()
            self._waiting -= len(call.contacts)
            if not call.answer.done():  # else its caller gave up
                group.append(call)
                size += len(call.contacts)
        if not self._calls:
            self._arrived.clear()
        return group

    async def _answer(self, group: Sequence[_Call[C, T]]) -> None:
        try:
            outcomes = iter(await self._commit(list(chain.from_iterable(call.contacts for call in group))))
        except (StoreUnavailable, Overloaded) as error:
            for call in group:
                _fail(call, _another(error))
        except Exception as error:  # noqa: BLE001 - the committer outlives whatever a report makes it stumble over
            await self._answer_alone(group, error)
        else:
            for call in group:
                said = list(islice(outcomes, len(call.contacts)))
                if not call.answer.done():
                    call.answer.set_result(said)

    async def _answer_alone(self, group: Sequence[_Call[C, T]], error: Exception) -> None:
        # One report that cannot be stored must not take those of others along.
        if len(group) == 1:
            _fail(group[0], error)
            return
        for call in group:
            await self._answer([call])


def _fail(call: _Call[C, T], error: Exception) -> None:
    if not call.answer.done():
        call.answer.set_exception(error)


def _another(error: StoreUnavailable | Overloaded) -> StoreUnavailable | Overloaded:
    # One for each caller: raising adds the caller's own trace to it.
    another = StoreUnavailable(error.why) if isinstance(error, StoreUnavailable) else Overloaded()
    another.__cause__ = error.__cause__
    return another
