"""Implements the store of maintenance windows on a SQL database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy import Connection

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.errors import VimeshError
from vimesh.domain.maintenance.maintenance_windows import CreatedWindow, MaintenanceWindow, NewWindow
from vimesh.store.maintenance import create_window, forget_windows, keep_up, read_windows
from vimesh.store.transactions.database import Database

_log = structlog.get_logger()

_TURNS_S: Final = 2.0
"""How long a call that creates or ends a window writes its spans: it has to end before the caller's patience does."""


class SqlMaintenanceStore:
    """Implements MaintenanceStore. Any number of processes may use the same database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen = 0
        """The change up to which no VIM came, went or changed without spans that follow it; see `keep_up.look`."""

    async def create(
        self, new: NewWindow, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> CreatedWindow:
        new.coverage.check()
        if validate_only:
            return await self._database.browse(lambda c: create_window.preview(c, new, caller))
        # Outside the transaction, in which others would wait for the count, and before it: afterwards nothing may fail.
        vim_count = await self._database.browse(lambda c: create_window.count_vims(c, new.coverage))
        created = await self._database.write(lambda c: create_window.create(c, new, caller))
        await self._take_turns(lambda c: keep_up.plan_next(c, created.window.id), created.window.id)
        return replace(created, vim_count=vim_count)

    async def _take_turns(self, take_turn: Callable[[Connection], bool], window_id: str) -> None:
        """Write the spans of a window, or the first of them: `keep_up` writes the others, whatever ends this."""
        end_at = time.monotonic() + _TURNS_S
        more = True
        try:
            while more and (begun_at := time.monotonic()) < end_at:
                more = await self._database.write(take_turn)
                if more:
                    # Others have as much time between the transactions.
                    await asyncio.sleep(time.monotonic() - begun_at)
        except VimeshError as error:
            _log.info("the spans of a window are left to upkeep", window_id=window_id, why=str(error))

    async def get(self, window_id: str, caller: Caller = OPEN_CALLER) -> MaintenanceWindow:
        return await self._database.read(lambda c: read_windows.get(c, window_id, caller))

    async def list_windows(
        self, page_size: int, page_token: str, caller: Caller = OPEN_CALLER, *, ended: bool = False
    ) -> tuple[Sequence[MaintenanceWindow], str]:
        return await self._database.browse(lambda c: read_windows.page(c, page_size, page_token, caller, ended=ended))

    async def end(self, window_id: str, caller: Caller = OPEN_CALLER) -> MaintenanceWindow:
        window, is_left = await self._database.write(lambda c: read_windows.end(c, window_id, caller))
        if is_left:
            await self._take_turns(keep_up.cut_next, window_id)
        return window

    async def forget(self, limit: int) -> int:
        if not await self._database.browse(forget_windows.has_old):
            return 0
        return await self._database.write(lambda c: forget_windows.forget(c, limit))

    async def keep_up(self, limit: int) -> bool:
        seen = await self._database.read(lambda c: keep_up.look(c, self._seen))
        if not seen.is_due:
            self._seen = seen.newest
            return False
        announced = await self._database.write(lambda c: keep_up.keep_up(c, limit))
        counts = self._database.statistics.bulk.announcements
        counts.update(started=announced.started, ended=announced.ended)
        return announced.more
