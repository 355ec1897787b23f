"""Implements CauseStore on a SQL database."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.domain.access.caller import Caller
from vimesh.domain.causes.causes import CauseDetail, CauseLook, CausePage, LastingCause, MemberPage, NewCause
from vimesh.domain.causes.traits import CauseMember
from vimesh.store.causes import cause_rows, member_pages, read_causes
from vimesh.store.transactions.database import Database


class SqlCauseStore:
    """Any number of processes may use the same database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self) -> CauseLook:
        return await self._database.read(member_pages.look)

    async def take_turn(self, holder: str) -> bool:
        return await self._database.write(lambda c: cause_rows.take_turn(c, holder))

    async def recent_changes(self, after: int, limit: int) -> MemberPage:
        return await self._database.browse(lambda c: member_pages.recent_changes(c, after, limit))

    async def healthy(self, after: int, limit: int) -> MemberPage:
        return await self._database.browse(lambda c: member_pages.healthy(c, after, limit))

    async def lasting(self) -> Sequence[LastingCause]:
        return await self._database.browse(cause_rows.lasting)

    async def begin(self, holder: str, cause: NewCause) -> bool:
        return await self._database.write(lambda c: cause_rows.begin(c, holder, cause))

    async def add_vims(self, holder: str, cause_id: str, members: Sequence[CauseMember]) -> bool:
        return await self._database.write(lambda c: cause_rows.add_vims(c, holder, cause_id, members))

    async def leave(self, holder: str, limit: int) -> int:
        # To find them, all members of causes may be looked at: not while others wait to write.
        vim_ids = await self._database.browse(lambda c: cause_rows.back(c, limit))
        if not vim_ids or not await self._database.write(lambda c: cause_rows.leave(c, holder, vim_ids)):
            return 0
        return len(vim_ids)

    async def end(self, holder: str, cause_ids: Sequence[str]) -> bool:
        return await self._database.write(lambda c: cause_rows.end(c, holder, cause_ids))

    async def clean_up(self, limit: int) -> int:
        if not await self._database.read(cause_rows.has_left):
            return 0
        return await self._database.write(lambda c: cause_rows.clean_up(c, limit))

    async def list_causes(self, page_size: int, page_token: str, caller: Caller, *, ended: bool) -> CausePage:
        return await self._database.browse(lambda c: read_causes.page(c, page_size, page_token, caller, ended=ended))

    async def get(self, cause_id: str, caller: Caller) -> CauseDetail:
        return await self._database.browse(lambda c: read_causes.get(c, cause_id, caller))
