"""Makes this process known to its fleet, from its start until it ends in order."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from random import Random
from typing import Final, Never, Protocol

import structlog

from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S, Announcement, ProcessKind
from vimesh.domain.pool.pool_members import RENEW_WITHIN_S, PoolPlace
from vimesh.runtime.background import beside
from vimesh.runtime.loop_stalls import LoopStalls
from vimesh.runtime.supervisor import supervise

_log = structlog.get_logger()

RETRY_S: Final = 3.0
_WITHDRAW_WITHIN_S: Final = 1.0
_MAX_HOST: Final = 255
_MAX_FACT: Final = 128
_LONGEST_LAG_S: Final = 3600.0
_SHORTEST_PAUSE_S: Final = 1.0

Facts = Callable[[], Mapping[str, str]]
"""Returns what the process does now: at most 8 names of lower-case letters, with values of ASCII."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A monitor's place in the pool, which is renewed with each announcement."""

    process_id: str
    place: Callable[[], PoolPlace | None]
    """Returns what it offers; None: it does not watch its actions now."""


class FleetLink(Protocol):
    """The way to the fleet. Trouble on it is logged there, and never disturbs the process."""

    async def announce(self, announcement: Announcement) -> float | None:
        """Send an announcement; return within how many seconds the next one is due, None if it was not taken."""

    async def withdraw(self, announcement: Announcement) -> None:
        """Say that the process ends."""


@asynccontextmanager
async def announced(
    kind: ProcessKind, link: FleetLink, facts: Facts, membership: Membership | None = None
) -> AsyncGenerator[None]:
    """Keep this process known while the block runs. If the block fails, it stays known, and reads as missing.

    `membership`: that of a monitor; None: it is no member of the pool.
    """
    announcer = _Announcer(kind, link, facts, membership)
    try:
        async with beside(announcer.stalls.run(), supervise("announcements", announcer.run)):
            yield
    except asyncio.CancelledError:
        # So are processes stopped.
        await announcer.withdraw()
        raise
    await announcer.withdraw()


class _Announcer:
    def __init__(self, kind: ProcessKind, link: FleetLink, facts: Facts, membership: Membership | None) -> None:
        self.stalls = LoopStalls()
        self._kind = kind
        self._link = link
        self._facts = facts
        self._membership = membership
        self._id = str(uuid.uuid4()) if membership is None else membership.process_id
        self._longest_pause_s = MISSING_AFTER_S if membership is None else RENEW_WITHIN_S
        self._began_at = time.monotonic()
        # Spreads announcements in time, and protects nothing.
        self._random = Random()  # noqa: S311 - see above

    async def run(self) -> Never:
        while True:
            due_s = await self._link.announce(self._announcement())
            pause_s = RETRY_S if due_s is None else min(max(due_s, _SHORTEST_PAUSE_S), self._longest_pause_s)
            await asyncio.sleep(pause_s * self._random.uniform(0.8, 1.0))

    async def withdraw(self) -> None:
        try:
            async with asyncio.timeout(_WITHDRAW_WITHIN_S):
                await self._link.withdraw(self._announcement())
        except TimeoutError:
            # Then it reads as missing for a while, which is not worth a longer wait.
            _log.info("the fleet was not told that this process ends", waited_s=_WITHDRAW_WITHIN_S)

    def _announcement(self) -> Announcement:
        """Return what is so now; what it says of stalls is said once."""
        return Announcement(
            process_id=self._id,
            kind=self._kind,
            host=_printable(socket.gethostname())[:_MAX_HOST],
            pid=os.getpid(),
            version=metadata.version("vimesh"),
            uptime_s=time.monotonic() - self._began_at,
            loop_lag_s=min(self.stalls.take_longest_s(), _LONGEST_LAG_S),
            facts={name: _printable(value)[:_MAX_FACT] for name, value in self._facts().items()},
            pool=None if self._membership is None else self._membership.place(),
        )


def _printable(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)
