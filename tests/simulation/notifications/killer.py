"""Kills notifiers and conductors of a fleet at random moments."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final, Never

from tests.support.callers.running import Fleet, Running

_SPARE: Final = "spare"
"""A second notifier, beside that of `vimesh up`."""
_VICTIMS: Final = ("notifier", "notifier", _SPARE, _SPARE, "conductor-1", "conductor-2")


class SpareNotifier:
    """A notifier that is started again whenever it was killed."""

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self._folder = folder
        self._address = f"unix:{data_dir / 'sockets' / 'reports'}"
        self._running = self._start()

    def kill(self) -> None:
        self._running.process.kill()
        self._running.close()
        self._running = self._start()

    def close(self) -> None:
        self._running.close()

    def _start(self) -> Running:
        return Running(self._folder, "notify", "--address", self._address, "--target-allow", "127.0.0.0/8")


class Killer:
    def __init__(self, up: Fleet, spare: SpareNotifier, random: Random, pause_s: tuple[float, float]) -> None:
        self._up = up
        self._spare = spare
        self._random = random
        self._pause_s = pause_s
        self.kills = dict[str, int]()

    async def run(self) -> Never:
        """Kill processes until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(*self._pause_s))
            name = self._random.choice(_VICTIMS)
            if await asyncio.to_thread(self._kill, name):
                self.kills[name] = self.kills.get(name, 0) + 1

    def _kill(self, name: str) -> bool:
        if name == _SPARE:
            self._spare.kill()
            return True
        # It may be dead still, since it was killed before.
        with suppress(StopIteration, ProcessLookupError):
            os.kill(self._up.pid_of(name), signal.SIGKILL)
            return True
        return False
