"""Notifies Mistral of every action that has ended, and retries while it cannot be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Never

import structlog

from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.daemon_threads import Job

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CompletionLimits:
    calls: int = 4
    """Calls under way; each occupies a thread."""
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    give_up_s: float = 3600.0
    """After this long the execution is left to a cleanup in Mistral: the action itself has ended."""


@dataclass(frozen=True, slots=True)
class _Ended:
    execution_id: str
    at: float


class CompletionNotifier:
    """Notifies Mistral, by a few calls at a time. Use it only in the loop in which it was created."""

    def __init__(
        self,
        notify: Callable[[str], None],
        submit: Callable[[Job], None],
        *,
        clock: Clock,
        random: Random,
        limits: CompletionLimits | None = None,
    ) -> None:
        """Call `notify`, which blocks, in threads: `submit` runs a job in one of them."""
        self._notify = notify
        self._submit = submit
        self._clock = clock
        self._random = random
        self._limits = limits or CompletionLimits()
        self._pending: asyncio.Queue[_Ended] = asyncio.Queue()

    def add(self, execution_id: str) -> None:
        """Notify Mistral as soon as possible that this action execution is over."""
        self._pending.put_nowait(_Ended(execution_id, self._clock()))

    async def run(self) -> Never:
        """Send notifications until cancelled."""
        async with asyncio.TaskGroup() as callers:
            for _ in range(self._limits.calls):
                callers.create_task(self._call())
            while True:
                await asyncio.Event().wait()

    async def _call(self) -> Never:
        backoff = Backoff(
            first_s=self._limits.first_pause_s, longest_s=self._limits.longest_pause_s, random=self._random
        )
        while True:
            ended = await self._pending.get()
            if (why := await self._try_to_notify(ended.execution_id)) is None:
                backoff.reset()
            elif self._clock() - ended.at < self._limits.give_up_s:
                self._pending.put_nowait(ended)
                await asyncio.sleep(backoff.pause_s())
            else:
                _log.warning(
                    "cannot tell Mistral that an action has ended", action_execution_id=ended.execution_id, why=why
                )

    async def _try_to_notify(self, execution_id: str) -> str | None:
        """Return why Mistral could not be notified; None if it was."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str | None] = loop.create_future()

        def answer(why: str | None) -> None:
            if not done.done():
                done.set_result(why)

        def job() -> None:
            why = None
            try:
                self._notify(execution_id)
            except Exception as error:  # noqa: BLE001 - whatever the message bus raises: it is tried again
                why = f"{type(error).__name__}: {error}"
            with suppress(RuntimeError):  # the loop is closed: there are no waiters any more
                loop.call_soon_threadsafe(answer, why)

        self._submit(job)
        return await done
