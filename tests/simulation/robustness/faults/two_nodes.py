"""Runs a Galera cluster of two nodes with conductors at both: first under load, then while nodes leave and return."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tests.simulation.robustness.backings import Cluster
from tests.simulation.robustness.load.callers import Caller
from tests.simulation.robustness.load.registrars import Registrar
from tests.simulation.robustness.load.rounds import Rounds
from tests.simulation.robustness.schedule import CONDUCTORS
from tests.simulation.robustness.stage import Stage, working
from tests.support.deployments.conductors import Client, client_at

_CALLERS = 24
_REGISTRARS = 2
_AT_ONCE = 4
_ROUNDS_PER_FLOOD = 20
_PAUSE_S = 0.3
_AWAY_S = 10.0
_STEADY_S = 10.0


async def two_nodes(stage: Stage, size: int) -> None:
    """Play `size` rounds across the nodes, with a flood at one; then take away each node for some seconds."""
    async with _clients(stage) as clients:
        await _rounds(Rounds(clients, stage.history), size)
    stage.history.note("rounds-played")
    external = await stage.register_external(_CALLERS)
    callers = [
        Caller(vim, stage.client, stage.history, stage.random(vim.name), pause_s=_PAUSE_S).run for vim in external
    ]
    people = [
        Registrar(f"registrar-{n}", stage.client, stage.history, stage.random(f"registrar {n}")).run
        for n in range(_REGISTRARS)
    ]
    async with working(stage.history, **{f"worker-{n}": run for n, run in enumerate((*callers, *people))}):
        await _take_nodes_away(stage)
    await stage.note_finals()
    await stage.take_down_what_is_left()


@asynccontextmanager
async def _clients(stage: Stage) -> AsyncGenerator[list[Client]]:
    """Connect to a conductor at each node, bypassing Envoy."""
    async with AsyncExitStack() as opened:
        ports = [stage.world.port(name) for name in CONDUCTORS[:2]]
        yield [await opened.enter_async_context(client_at(f"127.0.0.1:{port}")) for port in ports]


async def _rounds(rounds: Rounds, size: int) -> None:
    each = size // _AT_ONCE
    # At the pace of the rounds: everything that floods leave has to be read at the end, within a lease.
    due = asyncio.Semaphore(0)
    played = 0

    async def some(first: int) -> None:
        nonlocal played
        for number in range(each):
            await rounds.play((first + number) % 2)
            played += 1
            if played % _ROUNDS_PER_FLOOD == 0:
                due.release()

    async def flood() -> None:
        for _ in range(each * _AT_ONCE // _ROUNDS_PER_FLOOD):
            await due.acquire()
            await rounds.flood()

    await asyncio.gather(flood(), *map(some, range(_AT_ONCE)))


async def _take_nodes_away(stage: Stage) -> None:
    cluster = stage.world.backing
    assert isinstance(cluster, Cluster)
    first, second = cluster.nodes
    # The first has more votes. When killed, it leaves the second without a majority; when stopped, it hands over.
    goings: tuple[tuple[str, Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]], ...] = (
        ("kill second", second.kill, second.start),
        ("stop first", first.stop, first.start),
        ("kill first", first.kill, first.start),
    )
    for number, (name, go, come_back) in enumerate(goings, 1):
        await asyncio.sleep(_STEADY_S)
        stage.history.note("fault", number=number, fault="node", victim=name, for_s=_AWAY_S)
        await go()
        await asyncio.sleep(_AWAY_S)
        await come_back()
        await stage.world.until_whole()
    await asyncio.sleep(_STEADY_S)
