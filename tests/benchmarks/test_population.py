"""The database that benchmarks measure on is filled as conductors would fill it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.updates.population import FRESH_S, Population
from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.domain.vims import Status


async def test_copies_of_a_vim_are_reachable_and_their_leases_last_as_long_as_granted(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "vimesh.sqlite")
    async with store_at(url) as store:
        vim = await store.register(registration())
    population = Population(url)

    watched = await population.multiply(20)
    until = await population.grant(FRESH_S)

    assert len({one.vim_id for one in watched}) == 20
    assert await population.renewed(until) == 0
    assert await population.renewed(until - 1) == 21
    assert await population.changes() == vim.revision
    async with store_at(url) as store:
        assert {(await store.get(one.vim_id)).status for one in watched} == {Status.REACHABLE}
