"""Where faults of a long-running part stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Never

import structlog

_log = structlog.get_logger()

RESTART_DELAY_S = 1.0


async def supervise(
    part: str, run: Callable[[], Awaitable[Never]], *, restart_delay_s: float = RESTART_DELAY_S
) -> Never:
    """Run a part again whenever it breaks, so that it does not take the others down. Ends by cancellation only."""
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - the supervisor is where faults stop
            _log.exception("part broke, restarting", part=part)
            await asyncio.sleep(restart_delay_s)
