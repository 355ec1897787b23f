"""Defines, as a protocol, what the services require of the store of causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vimesh.domain.access.caller import Caller
from vimesh.domain.causes.causes import CauseDetail, CauseLook, CausePage, LastingCause, MemberPage, NewCause
from vimesh.domain.causes.traits import CauseMember


class CauseStore(Protocol):
    """Its methods raise StoreUnavailable and Overloaded, as those of VimStore.

    One conductor at a time has the turn to join changes to causes. What writes takes the turn or renews it, and returns
    False, with nothing written, if another conductor has it.
    """

    async def look(self) -> CauseLook:
        """Return whether there is anything to do. Cheap enough to call each second."""

    async def take_turn(self, holder: str) -> bool:
        """Take or renew the turn."""

    async def recent_changes(self, after: int, limit: int) -> MemberPage:
        """Return VIMs that have become UNREACHABLE or UNKNOWN within the window, and have no cause that lasts."""

    async def healthy(self, after: int, limit: int) -> MemberPage:
        """Return VIMs that are REACHABLE."""

    async def lasting(self) -> Sequence[LastingCause]:
        """Return the causes that last."""

    async def begin(self, holder: str, cause: NewCause) -> bool:
        """Store a cause, which has no VIMs yet."""

    async def add_vims(self, holder: str, cause_id: str, members: Sequence[CauseMember]) -> bool:
        """Join VIMs to a cause; those that have another one that lasts are left out."""

    async def leave(self, holder: str, limit: int) -> int:
        """Let up to `limit` VIMs that are back leave their causes; return how many did: none without the turn."""

    async def end(self, holder: str, cause_ids: Sequence[str]) -> bool:
        """End causes."""

    async def clean_up(self, limit: int) -> int:
        """Drop up to `limit` rows of causes that have ended; return how many were dropped."""

    async def list_causes(self, page_size: int, page_token: str, caller: Caller, *, ended: bool) -> CausePage:
        """Return causes that have VIMs which the caller sees, the newest first. Raises PageTokenInvalid."""

    async def get(self, cause_id: str, caller: Caller) -> CauseDetail:
        """Return a cause. Raises CauseNotFound."""
