"""Lets monitors join, leave, die, hang, wake up and drain in simulated time, and checks at each moment who probes what.

The conductors' pool, shares and streams of actions are real, and so are the store and the monitors' side of the watch.
Simulated are time, the waiting of streams, and the monitors' probes.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sqlalchemy import update

from tests.simulation.model.broken import Broken
from tests.support.sql.stores import registration
from vimesh.conductor.pool.action_streams import ActionStreams
from vimesh.conductor.pool.pool_share import Pool, PoolShare
from vimesh.conductor.pool.pool_upkeep import PoolLimits, PoolUpkeep
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.conductor.watches.watch_streams import WatchStart, WatchStep
from vimesh.domain.actions import Action, ActionScope
from vimesh.domain.fleet.process_announcements import Announcement, ProcessKind
from vimesh.domain.pool.pool_errors import AssignmentChanged
from vimesh.domain.pool.pool_members import (
    MEMBER_LEASE_S,
    RELEASE_AFTER_S,
    RENEW_WITHIN_S,
    RETURN_S,
    PoolPlace,
    PoolView,
)
from vimesh.domain.vims import Engine
from vimesh.monitor.wanted_actions import ActionSet, PoolMember, Watcher
from vimesh.store.pool.sql_pool_store import SqlPoolStore
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import conductor_service_pb2 as pb

TICK_S = 0.5
"""Half the period in which a conductor looks who is there: the two of them do so in turns."""
_SLACK_S = 2.5
"""Two looks, and a tick on each side."""
TAKEN_OVER_S = MEMBER_LEASE_S + _SLACK_S
"""The VIMs of a dead monitor are probed by then, unless a conductor has just begun: it lets monitors return first."""
SHARED_S = RELEASE_AFTER_S + _SLACK_S
"""A handover takes no longer than this."""
_SCOPE = ActionScope(Engine.EMBEDDED)
_PLACE = PoolPlace()
_FIRST = WatchStart(1, "log")


class _SimulatedClock(SqlPoolStore):
    """The store of the pool, by the clock of the world."""

    later_s = 0.0

    async def view(self) -> PoolView:
        seen = await super().view()
        return replace(seen, time=seen.time + dt.timedelta(seconds=self.later_s))

    async def remove_lapsed(self, until: dt.datetime, vantages: Collection[str]) -> int:
        return await super().remove_lapsed(until - dt.timedelta(seconds=self.later_s), vantages)


class _Turns:
    """Stands for the waiting of streams: each one looks at its agenda when the world says so."""

    def __init__(self) -> None:
        self._go = asyncio.Event()
        self.waits = asyncio.Event()

    async def start_now(self) -> WatchStart:
        return _FIRST

    async def resume(self, revision: int, log_id: str) -> WatchStart:
        return WatchStart(revision - 1, log_id)

    async def follow(
        self, start: WatchStart, _: object, *, agenda: PoolShare, **__: object
    ) -> AsyncIterator[WatchStep]:
        while True:
            self.waits.set()
            await self._go.wait()
            self._go.clear()
            if agenda.is_due():
                yield WatchStep((), start.revision)

    def go(self) -> None:
        self.waits.clear()
        self._go.set()


class Stream:
    """An open watch of a monitor. What it brings waits in `inbox` while the monitor hangs."""

    def __init__(self, conductor: Conductor, request: pb.WatchActionsRequest) -> None:
        self._turns = _Turns()
        streams: Any = self._turns
        self.inbox: list[pb.WatchActionsResponse] = []
        self.has_changed = False
        """Whether the conductor wants the monitor to list anew."""
        self._task = asyncio.create_task(
            self._read(ActionStreams(conductor.store, streams, conductor.pool).watch_share(request, _SCOPE, ""))
        )

    async def _read(self, responses: AsyncGenerator[pb.WatchActionsResponse]) -> None:
        try:
            async for response in responses:
                self.inbox.append(response)
        except AssignmentChanged:
            self.has_changed = True
        finally:
            await responses.aclose()

    async def advance(self) -> None:
        """Let it do what is due."""
        self._turns.go()
        await self.until_idle()

    async def until_idle(self) -> None:
        idle = asyncio.create_task(self._turns.waits.wait())
        await asyncio.wait((idle, self._task), return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


class Conductor:
    """What a conductor does for the pool."""

    def __init__(self, store: SqlStore, clock: _SimulatedClock, now: Any) -> None:  # noqa: ANN401 - a clock
        self.store = store
        self.upkeep = PoolUpkeep(clock, EventFeed(store), PoolLimits())
        self.pool = Pool(clock, self.upkeep, PoolLimits(), now)


@dataclass
class SimulatedMonitor:
    name: str
    monitor_id: str
    running: dict[str, str] = field(default_factory=dict)
    is_dead: bool = False
    hangs: bool = False
    stream: Stream | None = None
    seat: int = 0
    renew_at: float = 0.0
    connect_at: float = 0.0
    stopped_at: float = 0.0
    """When it has died, or has begun to hang."""
    watcher: Watcher = field(init=False)

    def __post_init__(self) -> None:
        def start(action: Action) -> None:
            self.running[action.vim_id] = action.action_id

        def stop(vim_id: str, action_id: str) -> None:
            if self.running.get(vim_id) == action_id:
                del self.running[vim_id]

        actions = ActionSet(start, stop, lambda: list(self.running.items()))
        self.watcher = Watcher(_SCOPE, actions, PoolMember(self.monitor_id, _PLACE))

    @property
    def probes(self) -> bool:
        return not self.is_dead and not self.hangs

    async def read(self) -> None:
        """Do what the stream says."""
        if self.stream is None or not self.probes:
            return
        inbox, self.stream.inbox = self.stream.inbox, []
        for response in inbox:
            await self.watcher.apply_response(response)


class PoolWorld:
    """Two conductors over one database, and monitors."""

    def __init__(self, store: SqlStore, random: Random) -> None:
        self._store = store
        self._random = random
        self._clock = _SimulatedClock(store._database)
        self.now = 0.0
        self._real_at = time.monotonic()
        self._tick = 0
        self._conductors = [self._conductor() for _ in range(2)]
        self._begun_at = 0.0
        """When the newest conductor began, or lost all of its monitors: those that live may come back first."""
        self.monitors: list[SimulatedMonitor] = []
        self._numbers = 0
        self._vims: list[str] = []
        self._probed_at: dict[str, float] = {}
        self._last_probers: dict[str, list[SimulatedMonitor]] = {}
        self._shared_since: dict[str, dict[tuple[str, str], float]] = {}
        self._owned_by: dict[str, list[str]] = {}
        self.story: list[str] = []

    def _conductor(self) -> Conductor:
        return Conductor(self._store, self._clock, lambda: self.now)

    async def begin(self, vims: int) -> None:
        for number in range(vims):
            vim = await self._store.register(registration(name=f"vim-{number}"))
            self._vims.append(vim.id)
        for _ in range(2):
            await self.join()
        await self.run(RETURN_S + RELEASE_AFTER_S + 2)

    async def end(self) -> None:
        for monitor in self.monitors:
            if monitor.stream is not None:
                await monitor.stream.close()

    # What can happen.

    async def join(self) -> None:
        self._numbers += 1
        monitor_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self.monitors.append(SimulatedMonitor(f"m{self._numbers}", monitor_id, renew_at=self.now))
        self._tell("starts", self.monitors[-1])

    async def die(self, monitor: SimulatedMonitor) -> None:
        """Its connections end with it."""
        self._tell("dies", monitor)
        monitor.is_dead, monitor.stopped_at = True, self.now
        await self._break(monitor)

    async def hang(self, monitor: SimulatedMonitor) -> None:
        """Its connections stay: nobody is told."""
        self._tell("hangs", monitor)
        monitor.hangs, monitor.stopped_at = True, self.now

    async def wake(self, monitor: SimulatedMonitor) -> None:
        self._tell("wakes up", monitor)
        monitor.hangs = False

    async def leave(self, monitor: SimulatedMonitor) -> None:
        """It ends in order."""
        self._tell("leaves", monitor)
        monitor.is_dead = True
        await self._store.withdraw_process(monitor.monitor_id, "")
        await self._break(monitor)

    async def drain(self, monitor: SimulatedMonitor, *, draining: bool) -> None:
        self._tell("drains" if draining else "drains no more", monitor)
        await self._store.pool.drain(monitor.monitor_id, draining=draining)

    async def restart_conductor(self, seat: int) -> None:
        self.story.append(f"{self.now:.1f}: conductor {seat} is restarted")
        self._begun_at = self.now
        for monitor in self.monitors:
            if monitor.seat == seat:
                await self._break(monitor)
        self._conductors[seat] = self._conductor()

    async def _break(self, monitor: SimulatedMonitor) -> None:
        if monitor.stream is not None:
            await monitor.stream.close()
            monitor.stream, monitor.connect_at = None, self.now + 1.0
        if not any(other.stream is not None and other.seat == monitor.seat for other in self.monitors):
            self._begun_at = self.now

    def _tell(self, what: str, monitor: SimulatedMonitor) -> None:
        self.story.append(f"{self.now:.1f}: {monitor.name} {what}")

    # Time.

    async def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            await self._pass_tick()
            self._check()

    async def _pass_tick(self) -> None:
        real_s = time.monotonic() - self._real_at
        self._real_at += real_s
        # The database's clock is the real one: what has really passed is given back.
        aged_s = TICK_S - real_s
        older = update(monitors).values(lease_until=monitors.c.lease_until - micros(aged_s))
        await self._store._database.write(lambda connection: connection.execute(older))
        self._clock.later_s += aged_s
        self.now += TICK_S
        self._tick += 1
        await self._conductors[self._tick % 2].upkeep.look()
        for monitor in self.monitors:
            if monitor.stream is not None:
                await monitor.stream.advance()
            await monitor.read()
            await self._live(monitor)

    async def _live(self, monitor: SimulatedMonitor) -> None:
        if not monitor.probes:
            return
        if monitor.stream is None and self.now >= monitor.connect_at:
            monitor.seat = self._random.randrange(2)
            monitor.stream = Stream(self._conductors[monitor.seat], monitor.watcher.request())
            await monitor.stream.until_idle()
            if monitor.stream.has_changed:
                monitor.stream = None
                monitor.watcher.note_gap("the VIMs are divided anew")
                return
            await monitor.read()
        if monitor.stream is not None and self.now >= monitor.renew_at:
            monitor.renew_at = self.now + RENEW_WITHIN_S
            said = Announcement(monitor.monitor_id, ProcessKind.MONITOR, "host", 7, "1.0", 10.0, 0.0, {}, _PLACE)
            await self._store.announce_process(said, "")

    # What must hold.

    def _check(self) -> None:
        for vim_id in self._vims:
            probers = [each for each in self.monitors if each.probes and vim_id in each.running]
            if probers:
                self._check_shared(vim_id, probers)
                self._probed_at[vim_id], self._last_probers[vim_id] = self.now, probers
            elif vim_id in self._probed_at:
                self._check_gap(vim_id)

    def _check_shared(self, vim_id: str, probers: list[SimulatedMonitor]) -> None:
        # One that has no stream cannot be told, and must not stop by itself (G10).
        told = sorted(each.name for each in probers if each.stream is not None)
        owners, pairs = [each.name for each in self._owners(vim_id)], list(itertools.combinations(told, 2))
        # Another owner is another handover.
        former = self._shared_since.get(vim_id, {}) if owners == self._owned_by.get(vim_id) else {}
        self._owned_by[vim_id] = owners
        self._shared_since[vim_id] = {pair: former.get(pair, self.now) for pair in pairs}
        for pair, since in self._shared_since[vim_id].items():
            if self.now - since > SHARED_S:
                raise self._broken(f"{' and '.join(pair)} have probed a VIM together for {self.now - since} s")

    def _check_gap(self, vim_id: str) -> None:
        self._shared_since.pop(vim_id, None)
        former, owners = self._last_probers[vim_id], self._owners(vim_id)
        # A monitor that dies may be followed by one that dies, too.
        since = max(self._probed_at[vim_id], *(each.stopped_at for each in owners))
        if any(each.probes for each in former) and all(each.probes for each in owners):
            raise self._broken(f"{[each.name for each in former]} gave a VIM up before its new owner had it")
        limit_s = TAKEN_OVER_S
        if self.now - self._begun_at < MEMBER_LEASE_S + RETURN_S + _SLACK_S:
            limit_s += RETURN_S
        if self.now - since > limit_s:
            raise self._broken(
                f"a VIM of {[each.name for each in former]} was probed by nobody for {self.now - since} s"
            )

    def _owners(self, vim_id: str) -> list[SimulatedMonitor]:
        """Return who has the VIM, as each conductor sees it. One that hangs may have been given it."""
        ids = {one.upkeep.assignment(_PLACE.vantage).owner_of(vim_id) for one in self._conductors}
        return [each for each in self.monitors if each.monitor_id in ids]

    def _broken(self, what: str) -> Broken:
        return Broken("G17", f"{what} at {self.now}, after: {'; '.join(self.story[-8:])}")
