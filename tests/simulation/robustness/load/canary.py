"""Takes a healthy VIM down again and again, and measures how long it takes until people learn of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.robustness.history import now
from tests.simulation.robustness.stage import Stage
from tests.simulation.robustness.truth import Target, Weather
from vimesh.v1 import vim_pb2

ADDRESS = "127.3.0.1"
INTERVAL_S = 2.0
_TIMEOUT_S = 1.0
_SPACING_S = 0.25
_SLACK_S = 1.0
WITHIN_S = INTERVAL_S + _TIMEOUT_S + _SPACING_S + _SLACK_S
"""The next round starts within an interval, silence confirms its probes, and everything else takes a second."""
_PATIENCE_S = 30.0
_PAUSE_S = 3.0


@dataclass(frozen=True, slots=True)
class Canary:
    stage: Stage
    weather: Weather
    vim_id: str

    @classmethod
    async def register(cls, stage: Stage) -> Canary:
        [vim_id] = await stage.register_targets([Target(ADDRESS, "HTTP", "switched")], INTERVAL_S)
        canary = cls(stage, Weather(stage.machine, [], stage.history, stage.random("canary")), vim_id)
        await canary.told("REACHABLE")
        return canary

    async def run(self, beside: Sequence[str], until_s: float) -> None:
        """Go down and come back until it is time, at least once. Each is recorded for each kind that is present."""
        while True:
            ended_at = now()
            await self.weather.switch([ADDRESS], up=False)
            after_s = await self.told("UNREACHABLE", ended_at)
            for name in beside:
                self.stage.history.note("canary", beside=name, after_s=after_s, within_s=WITHIN_S)
            await self.weather.switch([ADDRESS], up=True)
            back_s = await self.told("REACHABLE")
            if after_s is None or back_s is None or now() + _PAUSE_S + WITHIN_S > until_s:
                return
            await asyncio.sleep(_PAUSE_S)

    async def told(self, status: str, since: float | None = None) -> float | None:
        """Wait until the VIM has the status; return after how many seconds, or None if it did not get it in time."""
        began = now() if since is None else since
        wanted = vim_pb2.Vim.Status.Value(status)
        try:
            await self.stage.client.until(self.vim_id, lambda vim: vim.status == wanted, _PATIENCE_S)
        except TimeoutError:
            return None
        return round(now() - began, 2)
