from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from random import Random

from structlog.testing import capture_logs

from tests.support.probers.verdicts import PATIENCE_S
from tests.support.timing.waiting import until
from vimesh.monitor.executor.completion_notifier import CompletionLimits, CompletionNotifier
from vimesh.runtime.daemon_threads import DaemonThreads

QUICK = CompletionLimits(calls=2, first_pause_s=0.01, longest_pause_s=0.02, give_up_s=100)


class Mistral:
    """Takes ends, or is away."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[str] = []
        self.attempts = 0
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def tell(self, execution_id: str) -> None:
        self.attempts += 1
        away = self.away  # may change meanwhile
        if not away:
            self.told.append(execution_id)
        self._loop.call_soon_threadsafe(self._news.set)
        if away:
            raise ConnectionError("no broker")

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def telling(mistral: Mistral, clock: Callable[[], float] = lambda: 0) -> AsyncGenerator[CompletionNotifier]:
    with DaemonThreads(QUICK.calls, "test") as threads:
        endings = CompletionNotifier(mistral.tell, threads.submit, clock=clock, random=Random(1), limits=QUICK)
        async with asyncio.TaskGroup() as parts:
            running = parts.create_task(endings.run())
            yield endings
            running.cancel()


async def test_each_end_is_told_once() -> None:
    mistral = Mistral()
    ids = [f"execution-{number}" for number in range(20)]
    async with telling(mistral) as endings:
        for execution_id in ids:
            endings.add(execution_id)
        await mistral.until(lambda: len(mistral.told) == len(ids))

    assert sorted(mistral.told) == sorted(ids)


async def test_an_end_waits_for_mistral_to_come_back() -> None:
    mistral = Mistral()
    mistral.away = True
    async with telling(mistral) as endings:
        endings.add("execution")
        await mistral.until(lambda: mistral.attempts > 3)
        mistral.away = False
        await mistral.until(lambda: mistral.told == ["execution"])


async def test_an_end_that_could_not_be_told_for_long_is_given_up_with_one_line() -> None:
    mistral = Mistral()
    mistral.away = True
    now = 0.0
    with capture_logs() as logs:
        async with telling(mistral, lambda: now) as endings:
            endings.add("old")
            await mistral.until(lambda: mistral.attempts > 1)
            now = QUICK.give_up_s
            await until(lambda: bool(logs), PATIENCE_S)
            mistral.away = False
            endings.add("young")
            await mistral.until(lambda: bool(mistral.told))

    assert mistral.told == ["young"]
    assert [(line["event"], line["action_execution_id"]) for line in logs] == [
        ("cannot tell Mistral that an action has ended", "old"),
    ]
