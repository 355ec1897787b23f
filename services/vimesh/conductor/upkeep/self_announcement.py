"""Makes a conductor known to the others, by the database that they share."""

from __future__ import annotations

from vimesh.domain.errors import VimeshError
from vimesh.domain.fleet.process_announcements import REPORT_WITHIN_S, Announcement
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.outage_log import OutageLog


class StoreLink:
    """Implements FleetLink."""

    def __init__(self, store: VimStore, identity: str) -> None:
        """`identity`: that of the conductor's certificate; empty if it has none."""
        self._store = store
        self._identity = identity
        self._outage_log = OutageLog("database", "announcements", meanwhile="this conductor may read as missing")

    async def announce(self, announcement: Announcement) -> float | None:
        try:
            await self._store.announce_process(announcement, self._identity)
        except VimeshError as error:
            self._outage_log.note_failure(str(error))
            return None
        self._outage_log.note_success()
        return REPORT_WITHIN_S

    async def withdraw(self, announcement: Announcement) -> None:
        try:
            await self._store.withdraw_process(announcement.process_id, self._identity)
        except VimeshError as error:
            self._outage_log.note_failure(str(error))
