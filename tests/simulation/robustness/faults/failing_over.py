"""Lets a replica take the place of its database server, again and again, under callers that make no pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.simulation.robustness.backings import Replicated
from tests.simulation.robustness.history import now
from tests.simulation.robustness.load.planned_load import under_load
from tests.simulation.robustness.schedule import CONDUCTORS
from tests.simulation.robustness.stage import Stage
from tests.support.sql.replicas import Pair

_STEADY_S = 15.0


async def fail_over(stage: Stage, size: int) -> None:
    """Let each server of a pair fail over to the other one, `size` times in all, in the ways of `_KINDS` in turn."""
    backing = stage.world.backing
    assert isinstance(backing, Replicated)
    pids = [stage.world.pid(name) for name in CONDUCTORS]
    async with under_load(stage):
        for number in range(size):
            name, fail = _KINDS[number % len(_KINDS)]
            await backing.pair.commit_at_both()
            stage.history.note("fault", number=number, fault="failover", victim=name, for_s=0)
            began = now()
            await fail(backing.pair)
            stage.history.note("moved", number=number, way=name, after_s=round(now() - began, 2))
            await asyncio.sleep(_STEADY_S)
            await backing.pair.rejoin()
    if pids != [stage.world.pid(name) for name in CONDUCTORS]:
        stage.history.note("unfinished", what="a conductor was started again")


async def _switched(pair: Pair) -> None:
    """Connections are kept: they lead to a server that accepts no writes."""
    await pair.switch()


async def _killed(pair: Pair) -> None:
    await pair.in_charge.kill()
    await pair.replace()


async def _stalled(pair: Pair) -> None:
    """Connections are kept, and hang."""
    pair.address.silence()
    await pair.replace()


_KINDS: tuple[tuple[str, Callable[[Pair], Awaitable[None]]], ...] = (
    ("switch", _switched),
    ("kill", _killed),
    ("stall", _stalled),
)
