"""Adapts the PostgreSQL driver to SQLAlchemy, without prepared statements where a pooler lends out its sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.util import await_

CACHED: Final = 100
"""Number of statements that a direct connection keeps prepared."""


def pooling_dbapi(connect: Callable[[], Awaitable[tuple[Any, bool]]]) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return the `module` argument for an engine.

    `connect` returns a connection of the driver, and whether it goes through a pooler.
    """
    import asyncpg  # noqa: PLC0415 - optional dependency

    class PoolingDbapi(AsyncAdapt_asyncpg_dbapi):
        def connect(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - SQLAlchemy's own
            connection, pooled = await_(connect())

            async def connected() -> Any:  # noqa: ANN401 - the driver has no types
                return connection

            # An unnamed statement lives only until the next one.
            unnamed = {"prepared_statement_name_func": str} if pooled else {}
            cached = 0 if pooled else CACHED
            return super().connect(  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types
                async_creator_fn=connected, prepared_statement_cache_size=cached, **unnamed
            )

    return PoolingDbapi(asyncpg)  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types
