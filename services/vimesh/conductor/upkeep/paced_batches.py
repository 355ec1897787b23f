"""Does work at intervals, in batches with pauses, as long as there is any."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Never

from vimesh.domain.errors import VimeshError
from vimesh.runtime.outage_log import OutageLog


async def work_in_batches(
    work: Callable[[], Awaitable[int]],
    outage_log: OutageLog,
    *,
    period_s: float,
    jitter: Callable[[], float],
    pause_factor: float,
) -> Never:
    """Call `work` at intervals, each time until it returns 0. Runs until cancelled.

    `pause_factor`: length of the pause after each batch, as a multiple of its duration: it leaves room for reports.
    """
    while True:
        # Jitter, so that conductors take turns.
        await asyncio.sleep(period_s * (1 + jitter() / 2))
        with outage_log.absorb(VimeshError):
            started_at = time.monotonic()
            while await work():
                await asyncio.sleep(pause_factor * (time.monotonic() - started_at))
                started_at = time.monotonic()
