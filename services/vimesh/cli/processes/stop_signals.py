"""Turns signals into requests to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager


class Stopping:
    """The first signal asks for a clean stop, the second one for a quick one."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._urged = asyncio.Event()

    def hear(self) -> None:
        if self._asked.is_set():
            self._urged.set()
        self._asked.set()

    async def asked(self) -> None:
        await self._asked.wait()

    async def urged(self) -> None:
        await self._urged.wait()


@contextmanager
def stop_on_signals() -> Generator[Stopping]:
    """Turn SIGINT, SIGTERM and SIGHUP (a closed terminal) into requests to stop. Needs a running loop."""
    stopping = Stopping()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stopping.hear)
    try:
        yield stopping
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
