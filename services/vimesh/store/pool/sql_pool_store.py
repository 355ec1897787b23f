"""Implements PoolStore on a SQL database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from vimesh.domain.actions import ActionScope
from vimesh.domain.pool.pool_members import PoolMonitor, PoolPlace, PoolView
from vimesh.store.pool import member_rows
from vimesh.store.schema.timestamps import micros_of
from vimesh.store.transactions.database import Database


class SqlPoolStore:
    """Any number of processes may use the same database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def join(self, monitor_id: str, place: PoolPlace, identity: str, watch_id: str) -> None:
        await self._database.write(lambda c: member_rows.join(c, monitor_id, place, identity, watch_id))

    async def note_lost_watch(self, monitor_id: str, watch_id: str) -> None:
        await self._database.write(lambda c: member_rows.note_lost_watch(c, monitor_id, watch_id))

    async def view(self) -> PoolView:
        return await self._database.read(member_rows.view, urgent=True)

    async def remove_lapsed(self, until: dt.datetime, vantages: Collection[str]) -> int:
        return await self._database.write(lambda c: member_rows.remove_lapsed(c, micros_of(until), vantages))

    async def list_monitors(self) -> Sequence[PoolMonitor]:
        return await self._database.browse(member_rows.list_monitors)

    async def drain(self, monitor_id: str, *, draining: bool) -> PoolMonitor:
        return await self._database.write(lambda c: member_rows.drain(c, monitor_id, draining=draining))

    async def wanted_after(self, scope: ActionScope, vim_id: str, limit: int) -> Sequence[tuple[str, str]]:
        return await self._database.browse(lambda c: member_rows.wanted_after(c, scope, vim_id, limit))
