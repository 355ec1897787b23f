"""Fills the database of a measured conductor: many VIMs, copied from one, with leases set as a round needs them."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, func, make_url, select, text, update
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.updates.work import CONTACT_WITHIN_S, FIRST_OBSERVATION, Watched
from tests.support.sql.databases import with_driver
from vimesh.domain.actions import shard_key
from vimesh.domain.leases import lease_s
from vimesh.store.rows.visible_rows import WHOLE_VIM
from vimesh.store.schema.tables import leases, revisions, standings, vims
from vimesh.store.schema.timestamps import MICROS
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.vims.register_vim import insert_rows

_T = TypeVar("_T")
_CHUNK = 2_000
LEASE_S = lease_s(CONTACT_WITHIN_S)
_STANDING = [column for column in (*standings.c, *leases.c) if column.name not in ("number", "vim_id")]
_FIRST_LEASE_S = 3600.0
"""Lasts until a round grants another one: no VIM must fall silent while others are measured."""
FRESH_S = LEASE_S * 0.95
"""With this much of the lease left, a contact without news needs no write."""
DUE_S = LEASE_S * 0.45
"""With this much of it left, every contact must be written."""


class Population:
    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._kind = make_url(database_url).get_backend_name()

    async def multiply(self, count: int) -> list[Watched]:
        """Copy the one existing VIM until there are `count` more. All are REACHABLE, as if they had reported."""
        made = [Watched(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(count)]

        def copy(connection: Connection) -> None:
            [row] = connection.execute(select(vims, *_STANDING).select_from(WHOLE_VIM)).mappings()
            like = {column: row[column] for column in row}
            [number] = connection.execute(select(standings.c.number)).scalars()
            now = connection.execute(select(NowMicros())).scalar_one()
            for begin in range(0, count, _CHUNK):
                rows = [_copy(like, watched, now) for watched in made[begin : begin + _CHUNK]]
                # These numbers are free: the benchmark registers no more VIMs.
                numbers = range(number + 1 + begin, number + 1 + count)
                insert_rows(
                    connection, [{**row, "revision": number} for row, number in zip(rows, numbers, strict=False)]
                )

            # Their numbers are not revisions of any change: a later one must not be mistaken for what is on record.
            connection.execute(update(standings).values(revision=number))

        await self._in_transaction(copy)
        # Reports do not come in the order of registration: neighbours in the table would share their pages.
        random.shuffle(made)
        return made

    async def grant(self, seconds: float) -> int:
        """Let every lease end this many seconds from now, by the database's clock; return that time.

        Then do what the server would do some time after so many writes.
        """

        def move(connection: Connection) -> int:
            until: int = connection.execute(select(NowMicros() + int(seconds * MICROS))).scalar_one()
            connection.execute(update(leases).values(lease_until=until, holds=True))
            return until

        until = await self._in_transaction(move)
        await self._tidy()
        return until

    async def changes(self) -> int:
        """Return the number of the newest committed change."""
        found: int = await self._in_transaction(lambda c: c.execute(select(revisions.c.newest)).scalar_one())
        return found

    async def renewed(self, until: int) -> int:
        """Count the leases that were written since all were granted `until` a time."""
        count = select(func.count()).select_from(leases).where(leases.c.lease_until > until)
        found: int = await self._in_transaction(lambda connection: connection.execute(count).scalar_one())
        return found

    async def _tidy(self) -> None:
        statement = {"postgresql": "VACUUM standings, leases", "sqlite": "PRAGMA wal_checkpoint(TRUNCATE)"}.get(
            self._kind
        )
        if statement is not None:
            tidy = text(statement)
            await self._in_transaction(lambda connection: connection.execute(tidy), isolation_level="AUTOCOMMIT")

    async def _in_transaction(self, work: Callable[[Connection], _T], **options: str) -> _T:
        # With the drivers of vimesh: its statements go past SQLAlchemy to them.
        if self._kind == "sqlite":
            return await asyncio.to_thread(_in_file, self._url, work, options)
        engine = create_async_engine(with_driver(self._url), **options)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()


def _in_file(url: str, work: Callable[[Connection], _T], options: dict[str, str]) -> _T:
    engine = create_engine(url, **options)
    try:
        with engine.begin() as connection:
            return work(connection)
    finally:
        engine.dispose()


def _copy(like: dict[str, Any], watched: Watched, now: int) -> dict[str, Any]:
    return like | {
        "id": watched.vim_id,
        "action_id": watched.action_id,
        "name": f"vim-{watched.vim_id}",
        "shard_key": shard_key(watched.vim_id),
        "status": "REACHABLE",
        "reason": "",
        "observation": FIRST_OBSERVATION,
        "contact_time": now,
        "lease_until": now + int(_FIRST_LEASE_S * MICROS),
        "holds": True,
    }
