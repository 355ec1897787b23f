"""SQLAlchemy's way to the driver of PostgreSQL, which prepares no statement where a pooler lends its sessions out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.util import await_

CACHED: Final = 100
"""How many statements a connection of its own keeps prepared."""


def pooling_dbapi(connect: Callable[[], Awaitable[tuple[Any, bool]]]) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return what an engine takes as its `module`.

    `connect` returns a connection of the driver, and whether a pooler is between.
    """
    import asyncpg  # noqa: PLC0415 - there is one only where it is used

    class PoolingDbapi(AsyncAdapt_asyncpg_dbapi):
        def connect(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - SQLAlchemy's own
            connection, pooled = await_(connect())

            async def connected() -> Any:  # noqa: ANN401 - the driver has no types
                return connection

            # An empty name is kept for as long as a statement takes.
            unnamed = {"prepared_statement_name_func": str} if pooled else {}
            cached = 0 if pooled else CACHED
            return super().connect(  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types
                async_creator_fn=connected, prepared_statement_cache_size=cached, **unnamed
            )

    return PoolingDbapi(asyncpg)  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types
