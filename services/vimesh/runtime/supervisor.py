"""Where faults of a long-running part stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Never

_log = logging.getLogger(__name__)

RESTART_DELAY_S = 1.0


async def supervise(
    part: str, run: Callable[[], Awaitable[Never]], *, restart_delay_s: float = RESTART_DELAY_S
) -> Never:
    """Run a part again whenever it breaks, so that it does not take the others down. Ends by cancellation only.

    A fault is told with its traceback once: while it comes again and again, one line each time is enough.
    """
    told = ""
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - the supervisor is where faults stop
            news = repr(error) != told
            told = repr(error)
            _log.error("%s broke, restarting: %s", part, told, exc_info=news)
            await asyncio.sleep(restart_delay_s)
