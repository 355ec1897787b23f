"""Implements the store of maintenance windows on a SQL database."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.maintenance.maintenance_windows import CreatedWindow, MaintenanceWindow, NewWindow
from vimesh.store.maintenance import create_window, forget_windows, keep_up, read_windows
from vimesh.store.transactions.database import Database


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
        return await self._database.write(lambda c: create_window.create(c, new, caller))

    async def get(self, window_id: str, caller: Caller = OPEN_CALLER) -> MaintenanceWindow:
        return await self._database.read(lambda c: read_windows.get(c, window_id, caller))

    async def list_windows(
        self, page_size: int, page_token: str, caller: Caller = OPEN_CALLER, *, ended: bool = False
    ) -> tuple[Sequence[MaintenanceWindow], str]:
        return await self._database.browse(lambda c: read_windows.page(c, page_size, page_token, caller, ended=ended))

    async def end(self, window_id: str, caller: Caller = OPEN_CALLER) -> MaintenanceWindow:
        return await self._database.write(lambda c: read_windows.end(c, window_id, caller))

    async def forget(self, limit: int) -> int:
        if not await self._database.browse(forget_windows.has_old):
            return 0
        return await self._database.write(lambda c: forget_windows.forget(c, limit))

    async def keep_up(self, limit: int) -> bool:
        seen = await self._database.read(lambda c: keep_up.look(c, self._seen))
        if not seen.is_due:
            self._seen = seen.newest
            return False
        return await self._database.write(lambda c: keep_up.keep_up(c, limit))
