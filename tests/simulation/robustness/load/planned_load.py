"""Calls without a pause, for scenarios that must pass without any loss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.simulation.robustness.load.callers import Caller
from tests.simulation.robustness.stage import Stage, working

CALLERS = 48
_STEADY_S = 5.0


@asynccontextmanager
async def under_load(stage: Stage, *, pause_s: float = 0.0) -> AsyncGenerator[None]:
    vims = await stage.register_external(CALLERS)
    callers = [
        Caller(vim, stage.client, stage.history, stage.random(vim.name), pause_s=pause_s, plain=True) for vim in vims
    ]
    async with working(stage.history, **{f"caller-{n}": caller.run for n, caller in enumerate(callers)}):
        await asyncio.sleep(_STEADY_S)
        stage.history.note("load")
        yield
        await asyncio.sleep(_STEADY_S)
    await stage.note_finals()
    await stage.take_down_what_is_left()
