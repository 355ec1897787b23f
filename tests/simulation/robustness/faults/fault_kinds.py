"""Carries out each kind of fault, and undoes it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from random import Random

import grpc

from tests.simulation.robustness.backings import File, Server
from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.schedule import CONDUCTORS, MONITORS, Planned
from tests.simulation.robustness.world import World
from tests.support.deployments.conductors import client_at
from vimesh.v1 import fleet_service_pb2

HOUR_S = 3600
_LOCK_S = 10.0
_CALL_S = 2.0

Fault = Callable[[World, Planned], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _signalled(world: World, planned: Planned, *, number: signal.Signals) -> AsyncGenerator[None]:
    """End a process, which is started again by its supervisor."""
    world.signal(planned.victim, number)
    yield


@asynccontextmanager
async def _paused(world: World, planned: Planned) -> AsyncGenerator[None]:
    pid = world.signal(planned.victim, signal.SIGSTOP)
    try:
        yield
    finally:
        if pid is not None and world.pid(planned.victim) == pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def _away(world: World, planned: Planned) -> AsyncGenerator[None]:
    names = CONDUCTORS if planned.victim == "conductors" else MONITORS
    world.away.update(names)
    for name in names:
        world.signal(name, signal.SIGKILL)
    try:
        yield
    finally:
        world.away.difference_update(names)


@asynccontextmanager
async def _stopped(world: World, planned: Planned) -> AsyncGenerator[None]:  # noqa: ARG001 - as above
    """Stop all conductors, as before a restore, and start them again."""
    world.away.update(CONDUCTORS)
    for name in CONDUCTORS:
        world.signal(name, signal.SIGTERM)
    try:
        yield
    finally:
        world.away.difference_update(CONDUCTORS)


@asynccontextmanager
async def _conductor_cut(world: World, planned: Planned, *, direction: str) -> AsyncGenerator[None]:
    port = world.port(planned.victim)
    async with _cut(world, direction, port):
        yield


@asynccontextmanager
async def _uplink_lost(world: World, planned: Planned) -> AsyncGenerator[None]:  # noqa: ARG001 - as above
    await world.network.lose_uplink()
    try:
        yield
    finally:
        await world.network.mend_uplink()


@asynccontextmanager
async def _drained(world: World, planned: Planned) -> AsyncGenerator[None]:
    """Have a monitor leave its VIMs to the other one, and get them back, if the fleet answers at the moment."""
    monitor_id = await _drain(world, await _id_of_monitor(world, planned.victim), draining=True)
    try:
        yield
    finally:
        # One that was started again is another member of the pool. If all of them drain, they keep what they have.
        await _drain(world, monitor_id, draining=False)


async def _id_of_monitor(world: World, name: str) -> str:
    with suppress(grpc.aio.AioRpcError):
        async with client_at(world.address) as client:
            listed = await client.fleet.ListMonitors(fleet_service_pb2.ListMonitorsRequest(), timeout=_CALL_S)
        return next((one.monitor_id for one in listed.monitors if one.pid == world.pid(name)), "")
    return ""


async def _drain(world: World, monitor_id: str, *, draining: bool) -> str:
    if monitor_id:
        request = fleet_service_pb2.DrainMonitorRequest(monitor_id=monitor_id, undo=not draining)
        with suppress(grpc.aio.AioRpcError):
            async with client_at(world.address) as client:
                await client.fleet.DrainMonitor(request, timeout=_CALL_S)
    return monitor_id


@asynccontextmanager
async def _database_cut(world: World, planned: Planned, *, direction: str) -> AsyncGenerator[None]:  # noqa: ARG001 - a fault's signature
    async with _cut(world, direction, _server(world).port):
        yield


@asynccontextmanager
async def _cut(world: World, direction: str, port: int | None) -> AsyncGenerator[None]:
    if port is None:
        # It does not serve at the moment: there is nothing to cut.
        yield
        return
    await world.network.cut(direction, port)
    try:
        yield
    finally:
        await world.network.mend(direction, port)


@asynccontextmanager
async def _clock(world: World, planned: Planned) -> AsyncGenerator[None]:
    clock = world.clocks[planned.victim]
    clock.set(Random(planned.number).choice((-HOUR_S, HOUR_S)))
    try:
        yield
    finally:
        clock.set(0)


@asynccontextmanager
async def _database_killed(world: World, planned: Planned) -> AsyncGenerator[None]:  # noqa: ARG001 - as above
    server = _server(world)
    await server.kill()
    try:
        yield
    finally:
        await server.start()


@asynccontextmanager
async def _database_paused(world: World, planned: Planned) -> AsyncGenerator[None]:  # noqa: ARG001 - as above
    async with _server(world).paused():
        yield


@asynccontextmanager
async def _database_gone(world: World, planned: Planned) -> AsyncGenerator[None]:  # noqa: ARG001 - as above
    folder = _file(world).folder
    aside = folder.with_name("aside")
    folder.rename(aside)
    try:
        yield
    finally:
        aside.rename(folder)


@asynccontextmanager
async def _database_locked(world: World, planned: Planned) -> AsyncGenerator[None]:  # noqa: ARG001 - as above
    """Hold the lock of all writers, as a backup or a curious administrator does."""
    connection = sqlite3.connect(_file(world).path, timeout=_LOCK_S, check_same_thread=False)
    try:
        # A conductor that is paused at the moment may hold it already: then the database is locked anyway.
        with suppress(sqlite3.OperationalError):
            await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


@asynccontextmanager
async def _disk_full(world: World, planned: Planned) -> AsyncGenerator[None]:  # noqa: ARG001 - as above
    filler = await asyncio.to_thread(_file(world).fill)
    try:
        yield
    finally:
        filler.unlink()


def _server(world: World) -> Server:
    assert isinstance(world.backing, Server)
    return world.backing


def _file(world: World) -> File:
    assert isinstance(world.backing, File)
    return world.backing


FAULTS: dict[str, Fault] = {
    "kill": partial(_signalled, number=signal.SIGKILL),
    "restart": partial(_signalled, number=signal.SIGTERM),
    "pause": _paused,
    "away": _away,
    "stop": _stopped,
    "monitors-away": _away,
    "cut-to": partial(_conductor_cut, direction="to"),
    "cut-from": partial(_conductor_cut, direction="from"),
    "clock": _clock,
    "uplink": _uplink_lost,
    "drain": _drained,
    "database-kill": _database_killed,
    "database-pause": _database_paused,
    "database-cut-to": partial(_database_cut, direction="to"),
    "database-cut-from": partial(_database_cut, direction="from"),
    "database-gone": _database_gone,
    "database-locked": _database_locked,
    "disk-full": _disk_full,
}


async def carry_out(plan: list[Planned], world: World, history: History) -> None:
    """Carry out everything as planned. Whatever happens, nothing stays broken."""
    began = now()
    async with asyncio.TaskGroup() as tasks:
        for planned in plan:
            tasks.create_task(_one(planned, began, world, history))


async def _one(planned: Planned, began: float, world: World, history: History) -> None:
    await asyncio.sleep(max(0.0, began + planned.at_s - now()))
    async with FAULTS[planned.kind](world, planned):
        history.note("fault", number=planned.number, fault=planned.kind, victim=planned.victim, for_s=planned.for_s)
        await asyncio.sleep(planned.for_s)
    history.note("healed", number=planned.number)
