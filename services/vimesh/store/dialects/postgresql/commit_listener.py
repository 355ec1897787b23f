"""Listens for commit notifications from PostgreSQL, and detects poolers that do not deliver them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.dialects.postgresql.idle_limit import POOLED
from vimesh.store.dialects.server_dialect import RenewalSubscription

_log = structlog.get_logger()

COMMITS: Final = "vimesh_commits"
"""The channel on which PostgreSQL notifies of commits."""
_ALIVE_S: Final = 30.0
"""Interval between checks that the connection is alive."""
_DELIVERY_TIMEOUT_S: Final = 10.0
"""Time limit for a notification to arrive through a pooler."""
_BACKEND_PID: Final = "SELECT pg_backend_pid()"
_NOT_DELIVERED: Final = "the pooler passes no notifications on, as in transaction mode: commits are looked for instead"


async def listen(
    engine: AsyncEngine, on_commit: Callable[[], None], on_renewal: RenewalSubscription, limit_s: float
) -> None:
    """Call `on_commit` at each commit. Return early, with a log entry, if a pooler does not deliver notifications.

    `on_renewal` calls its argument when the connection must no longer be used.
    Raises OSError, or DBAPIError, when the connection breaks.
    """
    broken, notified = asyncio.Event(), asyncio.Event()

    def on_notification(*_: object) -> None:
        notified.set()
        on_commit()

    async with _listening(engine) as (listening, pooled):
        listening.add_termination_listener(lambda _: broken.set())
        with on_renewal(broken.set):
            async with asyncio.timeout(limit_s):
                if pooled and await _is_lent_out(engine, listening):
                    _log.info(_NOT_DELIVERED)
                    return
                await listening.add_listener(COMMITS, on_notification)
            if pooled and not await _is_delivered(engine, notified, limit_s):
                # LISTEN may have run in a server session that the pooler lends to other clients next.
                async with asyncio.timeout(limit_s):
                    await listening.execute("UNLISTEN *")
                _log.info(_NOT_DELIVERED)
                return
            on_commit()  # there may have been commits before LISTEN
            while not await _occurs(broken, _ALIVE_S):
                # A server that vanished silently sends nothing, so ask it.
                async with asyncio.timeout(limit_s):
                    await listening.execute("SELECT 1")
    raise ConnectionError("the connection that hears of commits broke")


@asynccontextmanager
async def _listening(engine: AsyncEngine) -> AsyncGenerator[tuple[Any, bool]]:
    """Yield the driver's connection, and whether it goes through a pooler."""
    import asyncpg  # noqa: PLC0415 - optional dependency

    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        try:
            yield raw.driver_connection, bool(raw.info.get(POOLED))
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise ConnectionError("the connection that hears of commits broke") from error
        finally:
            # Invalidate instead of closing: a clean close waits for an answer of the server.
            await connection.invalidate()


async def _is_lent_out(engine: AsyncEngine, listening: Any) -> bool:  # noqa: ANN401 - the driver has no types
    """Return whether another client gets the server session that just served us, as in transaction mode.

    False proves nothing: in a busy pool the session may have gone to a third client.
    """
    ours = await listening.fetchval(_BACKEND_PID)
    async with engine.connect() as other:
        return bool((await other.exec_driver_sql(_BACKEND_PID)).scalar_one() == ours)


async def _is_delivered(engine: AsyncEngine, notified: asyncio.Event, limit_s: float) -> bool:
    async with asyncio.timeout(limit_s), engine.connect() as other:
        await other.exec_driver_sql(f"NOTIFY {COMMITS}")
    return await _occurs(notified, _DELIVERY_TIMEOUT_S)


async def _occurs(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
