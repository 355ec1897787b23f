"""Finds the causes of what is lost, joins VIMs to them, and ends them. The conductor that has the turn does it.

No status waits for any of it: it reads what is on record.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import Final, Never

import structlog

from vimesh.conductor.causes.probing_places import ProbingPlaces
from vimesh.conductor.causes.trait_counts import TraitCounts
from vimesh.domain.causes.cause_store import CauseStore
from vimesh.domain.causes.causes import END_SHARE, MAX_LASTING, CauseLook, LastingCause, MemberPage, NewCause
from vimesh.domain.causes.correlation import MIN_MEMBERS, Correlation, FoundCause, is_settled, join
from vimesh.domain.causes.traits import CauseMember, PlacesOf, Trait
from vimesh.domain.errors import VimeshError
from vimesh.domain.pool.assignment import Assignment
from vimesh.domain.retention import in_batches
from vimesh.runtime.outage_log import OutageLog

_log = structlog.get_logger()

_PAGE: Final = 2000
_MAX_CHANGES: Final = 200_000
"""More changes are not looked at together: some 100 MB."""
_PAUSE_FACTOR: Final = 4
"""Length of the pause after a look, as a multiple of its duration: it takes at most a fifth of the time."""
_CLEAN_EVERY_S: Final = 10.0
_MAX_SAMPLE: Final = 1000
"""So many changes tell when most of them came."""
_RENEW_S: Final = 5.0
"""How often the turn is renewed: well within its 10 s."""


class CauseUpkeep:
    def __init__(
        self, store: CauseStore, assignments: Callable[[], Mapping[str, Assignment]], *, period_s: float = 1.0
    ) -> None:
        """`assignments` returns how the VIMs of each vantage are divided among its monitors now."""
        self._store = store
        self._assignments = assignments
        self._period_s = period_s
        self._id = str(uuid.uuid4())
        self._places = ProbingPlaces()
        self._seen = (0, 0)
        """What the last complete look was at."""
        self._counts = TraitCounts()
        self._clean_at = self._renew_at = 0.0
        self._outage_log = OutageLog("the causes", "causes", meanwhile="what is lost has no cause")

    async def run(self) -> Never:
        """Look about once a second. Runs until cancelled."""
        took_s = 0.0
        while True:
            await asyncio.sleep(max(self._period_s, _PAUSE_FACTOR * took_s))
            begun_at = time.monotonic()
            with self._outage_log.absorb(VimeshError):
                await self.look()
            took_s = time.monotonic() - begun_at

    async def look(self) -> None:
        """Look once. Raises StoreUnavailable, Overloaded."""
        if self._places.note(self._assignments(), time.monotonic()):
            await asyncio.to_thread(self._counts.forget_places)
        look = await self._store.look()
        if look.holder not in {"", self._id}:
            self._seen = (0, 0)
            return
        if time.monotonic() >= self._clean_at:
            self._clean_at = time.monotonic() + _CLEAN_EVERY_S
            await in_batches(self._store.clean_up)
        if look.lasting_count or look.recent_count >= MIN_MEMBERS:
            await self._look_closer(look)

    async def _has_turn(self, holder: str) -> bool:
        """Return whether this conductor has the turn, and renew or take it if need be. Raises as `look` does."""
        if holder == self._id and time.monotonic() < self._renew_at:
            return True
        self._renew_at = time.monotonic() + _RENEW_S
        return await self._store.take_turn(self._id)

    async def _look_closer(self, look: CauseLook) -> None:
        if not await self._has_turn(look.holder):
            return
        lasting = await self._store.lasting() if look.lasting_count else ()
        over = [cause.id for cause in lasting if cause.affected_count <= END_SHARE * cause.vim_count]
        if over and await self._store.end(self._id, over):
            _log.info("causes have ended", count=len(over))
        if any(cause.back_count for cause in lasting if cause.id not in over):
            await self._let_leave()
        seen = (look.recent_count, look.newest_time)
        if seen == self._seen or not look.recent_count:
            return
        changes: Sequence[CauseMember] = await _read(self._store.recent_changes, _MAX_CHANGES)
        # What is done for each change is done in threads: of 100,000, a tenth of that would hold the loop up for long.
        sample = changes[:: len(changes) // _MAX_SAMPLE + 1]
        places_of = self._places.at(time.monotonic() - median(each.age_s for each in sample)) if sample else None
        if places_of is not None:
            remaining = [cause for cause in lasting if cause.id not in over]
            changes = await self._join(changes, remaining, places_of)
            if len(changes) >= MIN_MEMBERS and len(remaining) < MAX_LASTING:
                if not await asyncio.to_thread(is_settled, changes):
                    return
                await self._find(changes, places_of)
        self._seen = seen

    async def _let_leave(self) -> None:
        """Let VIMs that are back leave their causes: if they are lost again, they are judged anew."""
        left = _PAGE
        while left == _PAGE:
            begun_at = time.monotonic()
            left = await self._store.leave(self._id, _PAGE)
            if left == _PAGE:
                await asyncio.sleep(time.monotonic() - begun_at)  # reports get in between

    async def _join(
        self, changes: Sequence[CauseMember], lasting: Sequence[LastingCause], places_of: PlacesOf
    ) -> Sequence[CauseMember]:
        """Join changes to causes that last; return the others."""
        if not lasting:
            return changes
        joined, others = await asyncio.to_thread(join, changes, {cause.trait: cause.id for cause in lasting}, places_of)
        for cause_id, members in joined.items():
            await self._add(cause_id, members)
        return others

    async def _find(self, changes: Sequence[CauseMember], places_of: PlacesOf) -> None:
        correlation = await asyncio.to_thread(Correlation, changes, places_of)
        populations = await asyncio.to_thread(self._counts.of, correlation.suspects)
        if populations is None:
            populations = await self._count(correlation)
        for found in await asyncio.to_thread(correlation.find_causes, populations):
            if not await self._begin(found):
                return

    async def _count(self, correlation: Correlation) -> dict[Trait, int]:
        populations = dict(correlation.suspects)
        after, is_more = 0, True
        while is_more:
            page = await self._store.healthy(after, _PAGE)
            await asyncio.to_thread(correlation.count, page.members, populations)
            after, is_more = page.last_number, bool(page.last_number)
        await asyncio.to_thread(self._counts.keep, populations)
        return populations

    async def _begin(self, found: FoundCause) -> bool:
        cause = NewCause(str(uuid.uuid4()), found.trait, found.reason, found.age_s, found.population)
        _log.info(
            "found a cause",
            cause_id=cause.id,
            kind=str(cause.trait.kind),
            subject=cause.trait.subject,
            vims=len(found.members),
        )
        return await self._store.begin(self._id, cause) and await self._add(cause.id, found.members)

    async def _add(self, cause_id: str, members: Sequence[CauseMember]) -> bool:
        for start in range(0, len(members), _PAGE):
            begun_at = time.monotonic()
            if not await self._store.add_vims(self._id, cause_id, members[start : start + _PAGE]):
                return False
            if start + _PAGE < len(members):
                await asyncio.sleep(time.monotonic() - begun_at)  # reports get in between
        return True


async def _read(read_page: Callable[[int, int], Awaitable[MemberPage]], limit: int) -> list[CauseMember]:
    """Read pages until there are no more, or until there are `limit` members."""
    members: list[CauseMember] = []
    after, is_more = 0, True
    while is_more and len(members) < limit:
        page = await read_page(after, _PAGE)
        members += page.members
        after, is_more = page.last_number, bool(page.last_number)
    return members
