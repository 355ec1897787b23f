"""Defines, as a protocol, what the services require of the store of maintenance windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.maintenance.maintenance_windows import CreatedWindow, MaintenanceWindow, NewWindow


class MaintenanceStore(Protocol):
    """Stores the windows, and for which spans of time they cover which VIMs.

    A window of a project that the caller does not see does not exist for that caller; one of all projects exists for
    callers of all projects. Spans are written ahead of time, so that whether a VIM is in maintenance depends on the
    clock of the database alone. All methods raise StoreUnavailable and Overloaded.
    """

    async def create(
        self, new: NewWindow, caller: Caller = OPEN_CALLER, *, validate_only: bool = False
    ) -> CreatedWindow:
        """Store a window, or only say what would be stored.

        The window is stored before its spans are written, in short transactions. It returns when all are, or after some
        seconds: then `keep_up` writes the others.

        Raises BadInput, VimNotFound, RequestIdReused, TooManyWindows.
        """

    async def get(self, window_id: str, caller: Caller = OPEN_CALLER) -> MaintenanceWindow:
        """Return a window. Raises WindowNotFound."""

    async def list_windows(
        self, page_size: int, page_token: str, caller: Caller = OPEN_CALLER, *, ended: bool = False
    ) -> tuple[Sequence[MaintenanceWindow], str]:
        """Return windows, the newest first, and the token of the next page. `ended`: also those that are over.

        Raises PageTokenInvalid.
        """

    async def end(self, window_id: str, caller: Caller = OPEN_CALLER) -> MaintenanceWindow:
        """End a window now, for good: its spans end, and none follows. Does nothing if it has ended.

        The spans end at the time at which the window does. They are cut in short transactions. It returns when all are,
        or after some seconds: then `keep_up` cuts the others, whose VIMs read as maintained until then.

        Raises WindowNotFound.
        """

    async def forget(self, limit: int) -> int:
        """Remove up to `limit` spans, and windows, that were over more than a year ago; return how many spans."""

    async def keep_up(self, limit: int) -> bool:
        """Do what is due, in one transaction; return whether there is more to do.

        VIMs that came, went or changed get and lose spans, from the time of their change on; spans of windows that were
        ended are cut; the spans of the next day are written; up to `limit` of those that began or ended become events.
        Cheap if nothing is due.
        """
