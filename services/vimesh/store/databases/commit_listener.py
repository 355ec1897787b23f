"""Hearing of commits from PostgreSQL, and finding out whether that can be done where a pooler is between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.connections.idle_limit import POOLED
from vimesh.store.transactions.database import COMMITS

_log = structlog.get_logger()

_ALIVE_S: Final = 30.0
"""How often the connection is asked whether it lives."""
_HEARD_WITHIN_S: Final = 10.0
"""How long what was told may take until it is heard by a pooler."""
_WHO_WORKS: Final = "SELECT pg_backend_pid()"
_NOT_HEARD: Final = "the pooler passes no notifications on, as in transaction mode: commits are looked for instead"

Telling = Callable[[Callable[[], object]], AbstractContextManager[None]]


async def listen(engine: AsyncEngine, heard: Callable[[], None], telling: Telling, limit_s: float) -> None:
    """Call `heard` at each commit. Return at once where nothing can be heard, and say so in the log.

    `telling` calls what it is given when the connection is not to be used any more.
    Raises OSError, or DBAPIError, when the connection breaks.
    """
    broken, told = asyncio.Event(), asyncio.Event()

    def hear(*_: object) -> None:
        told.set()
        heard()

    async with _listening(engine) as (listening, pooled):
        listening.add_termination_listener(lambda _: broken.set())
        with telling(broken.set):
            async with asyncio.timeout(limit_s):
                if pooled and await _is_lent_out(engine, listening):
                    _log.info(_NOT_HEARD)
                    return
                await listening.add_listener(COMMITS, hear)
            if pooled and not await _is_heard(engine, told, limit_s):
                # It may have been said to a connection of the server that others use next.
                async with asyncio.timeout(limit_s):
                    await listening.execute("UNLISTEN *")
                _log.info(_NOT_HEARD)
                return
            heard()  # of what happened before
            while not await _happens(broken, _ALIVE_S):
                # A server that vanished without a word tells of nothing.
                async with asyncio.timeout(limit_s):
                    await listening.execute("SELECT 1")
    raise ConnectionError("the connection that hears of commits broke")


@asynccontextmanager
async def _listening(engine: AsyncEngine) -> AsyncGenerator[tuple[Any, bool]]:
    """Yield the driver's connection, and whether a pooler is between."""
    import asyncpg  # noqa: PLC0415 - there is one only where it is used

    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        try:
            yield raw.driver_connection, bool(raw.info.get(POOLED))
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise ConnectionError("the connection that hears of commits broke") from error
        finally:
            # Broken off: to take leave would take an answer. The next one is a new one.
            await connection.invalidate()


async def _is_lent_out(engine: AsyncEngine, listening: Any) -> bool:  # noqa: ANN401 - the driver has no types
    """Say whether somebody else is served by the connection of the server that just served us.

    In a busy pool it may have gone to another one: then nothing is known yet.
    """
    ours = await listening.fetchval(_WHO_WORKS)
    async with engine.connect() as other:
        return bool((await other.exec_driver_sql(_WHO_WORKS)).scalar_one() == ours)


async def _is_heard(engine: AsyncEngine, told: asyncio.Event, limit_s: float) -> bool:
    async with asyncio.timeout(limit_s), engine.connect() as other:
        await other.exec_driver_sql(f"NOTIFY {COMMITS}")
    return await _happens(told, _HEARD_WITHIN_S)


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
