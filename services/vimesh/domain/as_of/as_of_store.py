"""Defines, as a protocol, what the services require of the store to show VIMs as they were."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from vimesh.domain.queries import VimPage, VimQuery


class AsOfStore(Protocol):
    """Its methods raise StoreUnavailable and Overloaded, as those of VimStore."""

    async def list_vims(self, query: VimQuery, time: dt.datetime) -> VimPage:
        """Return a page of the VIMs as they were at a time, in the order of their registration.

        It has what changes record. These fields are empty: `detail`, `round_trip_s`, `valid_until`, and of `monitor`
        all but `engine` and `action_id`. `revision` is 0 if the VIM's last change before the time is no longer kept.

        A page may be short, and even empty, although there are more.

        Raises TimeNotKept, PageTokenInvalid, BadInput for a time in the future or another order.
        """
