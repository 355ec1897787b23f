"""Whatever happens to monitors, each VIM is probed by one of them (G17); and without a part of the pool, it is not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from tests.simulation.model.broken import Broken
from tests.simulation.pool.pool_world import PoolWorld
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.pool.pool_share import PoolShare
from vimesh.domain.pool.assignment import Assignment
from vimesh.store.pool.sql_pool_store import SqlPoolStore

_VIMS = 12
_MOST_MONITORS = 5
_SEEDS = int(os.environ.get("VIMESH_TEST_EXAMPLES", "3"))
_EVENTS = 25
_MOST_SEEDS = 20
Patch = pytest.MonkeyPatch


@asynccontextmanager
async def _world(folder: Path, seed: int) -> AsyncGenerator[PoolWorld]:
    async with store_at(sqlite_url(folder / f"{seed}.sqlite")) as store:
        world = PoolWorld(store, Random(seed))
        await world.begin(_VIMS)
        try:
            yield world
        finally:
            await world.end()


async def _play(world: PoolWorld, seed: int) -> Counter[str]:
    """Let things happen at random times; at least one monitor always works, or nobody could take over."""
    random, seen, restarted_at = Random(f"events {seed}"), Counter[str](), 0.0
    for _ in range(_EVENTS):
        alive = [each for each in world.monitors if each.probes]
        hanging = [each for each in world.monitors if each.hangs and not each.is_dead]
        kinds = ["pass"]
        kinds += ["join"] * (2 * (len(alive) + len(hanging) < _MOST_MONITORS))
        kinds += ["die", "hang", "leave"] * (len(alive) > 1)
        kinds += ["wake"] * (2 * bool(hanging))
        kinds += ["drain", "undrain"]
        kinds += ["restart"] * (world.now - restarted_at > 40)
        kind = random.choice(kinds)
        seen[kind] += 1
        one = random.choice(alive)
        if kind == "join":
            await world.join()
        elif kind == "die":
            await world.die(one)
        elif kind == "hang":
            await world.hang(one)
        elif kind == "leave":
            await world.leave(one)
        elif kind == "wake":
            await world.wake(random.choice(hanging))
        elif kind in ("drain", "undrain") and one.stream is not None:
            await world.drain(one, draining=kind == "drain")
        elif kind == "restart":
            restarted_at = world.now
            await world.restart_conductor(random.randrange(2))
        await world.run(random.choice((0.5, 1.0, 3.0, 8.0, 20.0)))
    await world.run(30)
    return seen


@pytest.mark.timeout(300)
async def test_whatever_happens_to_monitors_each_vim_has_one(tmp_path: Path) -> None:
    seen = Counter[str]()
    for seed in range(_SEEDS):
        async with _world(tmp_path, seed) as world:
            seen += await _play(world, seed)

    assert {"join", "die", "hang", "leave", "wake", "drain", "restart"} <= seen.keys()


# --- what may be missing


def _gains_are_not_told(patch: Patch) -> None:
    original = PoolShare.move

    def move(self: PoolShare) -> Callable[[str], bool]:
        original(self)
        return lambda _: False

    patch.setattr(PoolShare, "move", move)


def _losses_are_not_told(patch: Patch) -> None:
    patch.setattr(PoolShare, "may_release", lambda _: False)


def _losses_are_told_at_once(patch: Patch) -> None:
    original = PoolShare.__init__

    def begin(self: PoolShare, *words: object) -> None:
        original(self, *words[:-1], 0.0)  # type: ignore[arg-type, call-arg]  # the last one is replaced

    patch.setattr(PoolShare, "__init__", begin)
    patch.setattr(PoolShare, "postpone", lambda *_: False)


def _the_dead_are_not_removed(patch: Patch) -> None:
    async def remove_lapsed(*_: object) -> int:
        return 0

    patch.setattr(SqlPoolStore, "remove_lapsed", remove_lapsed)


def _conductors_divide_differently(patch: Patch) -> None:
    def owner_of(self: Assignment, vim_id: str) -> str:
        places = len(self.members)
        return self.members[hash((vim_id, id(self) // 64 % 7)) % places].monitor_id if places else ""

    patch.setattr(Assignment, "owner_of", owner_of)


def _an_old_watch_may_always_be_resumed(patch: Patch) -> None:
    """A monitor that missed what it has lost keeps it for ever."""
    patch.setattr(PoolShare, "version", property(lambda _: "the same"))


MUTATIONS = {
    _gains_are_not_told: 0,
    _losses_are_not_told: 0,
    _losses_are_told_at_once: 0,
    _the_dead_are_not_removed: 0,
    _conductors_divide_differently: 0,
    _an_old_watch_may_always_be_resumed: 5,
}
"""What is missing, and a seed that soon finds it."""


async def _search(folder: Path, first: int) -> None:
    for seed in range(first, first + _MOST_SEEDS):
        async with _world(folder, seed) as world:
            try:
                await _play(world, seed)
            except Broken as found:
                print(f"seed {seed}: {found}")
                raise


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("mutation", "seed"), MUTATIONS.items())
async def test_a_pool_that_lacks_a_part_of_the_rules_is_found_out(
    mutation: Callable[[Patch], None], seed: int, tmp_path: Path, monkeypatch: Patch
) -> None:
    mutation(monkeypatch)

    with pytest.raises(Broken) as found:
        await _search(tmp_path, seed)

    assert found.value.guarantee == "G17"
