"""Restarts long-running parts that fail."""

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
    """Restart a part whenever it fails, so that it does not take the others down. Ends only by cancellation.

    A fault is logged with its traceback once: while the same one recurs, one line each time is enough.
    """
    last_error = ""
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - the supervisor is where faults stop
            is_new = repr(error) != last_error
            last_error = repr(error)
            _log.error("%s failed, restarting: %s", part, last_error, exc_info=is_new)
            await asyncio.sleep(restart_delay_s)
