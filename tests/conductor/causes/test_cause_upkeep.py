"""Conductors name what is lost together, after the changes, and callers read it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Never

import grpc
import pytest

from tests.support.causes import loop_holds
from tests.support.causes.lost_vims import become, date_back, find_again, hosts, lose, registered, say
from tests.support.deployments.secured_conductors import ADMIN, DRIVER, client_as, secured
from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.conductor.causes.cause_upkeep import CauseUpkeep
from vimesh.conductor.causes.probing_places import ProbingPlaces
from vimesh.domain.access.caller import OPEN_CALLER
from vimesh.domain.causes.traits import WINDOW_S, CauseMember
from vimesh.domain.pool.assignment import NOBODY, Assignment, Member
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Engine, Status, Vim
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import fleet_service_pb2 as pb
from vimesh.v1 import vim_pb2, vim_service_pb2
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
READER_OF_MINE = ("https://login.example#rita", "reader", "mine")
READER_OF_OTHER = ("https://login.example#ruth", "reader", "other")


@dataclass
class Site:
    store: SqlStore
    upkeep: CauseUpkeep
    assignment: Assignment = NOBODY

    async def causes(self, *, ended: bool = False) -> list[tuple[str, str, int, int]]:
        page = await self.store.causes.list_causes(10, "", OPEN_CALLER, ended=ended)
        return sorted((each.kind, each.subject, each.vim_count, each.affected_count) for each in page.causes)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        made = Site(store, CauseUpkeep(store.causes, lambda: {DEFAULT_VANTAGE: made.assignment}))
        yield made


async def healthy(store: SqlStore, *prefixes: str, count: int = 5) -> list[list[Vim]]:
    groups = [await registered(store, *hosts(prefix, count)) for prefix in prefixes]
    for vims in groups:
        await become(store, vims, Status.REACHABLE, 1, ago_s=3600)
    return groups


async def test_a_prefix_that_is_lost_is_a_cause_until_most_of_it_is_back(site: Site) -> None:
    lost, _ = await healthy(site.store, "198.51.100", "203.0.113")
    await lose(site.store, lost[:4])

    await site.upkeep.look()
    assert await site.causes() == [("NETWORK", "198.51.100.0/24", 4, 4)]

    await lose(site.store, lost[4:])
    await site.upkeep.look()
    assert await site.causes() == [("NETWORK", "198.51.100.0/24", 5, 5)]

    await find_again(site.store, lost[:3])
    await site.upkeep.look()
    assert await site.causes() == [("NETWORK", "198.51.100.0/24", 5, 2)]

    await find_again(site.store, lost[3:4])
    await site.upkeep.look()
    assert await site.causes() == []
    assert await site.causes(ended=True) == [("NETWORK", "198.51.100.0/24", 5, 0)]


async def test_a_vim_that_is_back_is_judged_anew_when_it_is_lost_again(site: Site) -> None:
    lost, _ = await healthy(site.store, "198.51.100", "203.0.113")
    await lose(site.store, lost)
    await site.upkeep.look()

    await find_again(site.store, lost[:2])
    await site.upkeep.look()
    for vim, reason in zip(lost[:2], ("TIMEOUT", "TLS"), strict=True):
        await become(site.store, [vim], Status.UNREACHABLE, 4, reason=reason)
    await site.upkeep.look()

    assert await site.causes() == [("NETWORK", "198.51.100.0/24", 5, 4)]
    causes = [(await site.store.get(vim.id)).cause for vim in lost]
    assert [cause and cause.subject for cause in causes] == ["198.51.100.0/24", None, *["198.51.100.0/24"] * 3]


async def test_single_outages_have_no_cause(site: Site) -> None:
    groups = await healthy(site.store, "198.51.100", "203.0.113", "192.0.2")
    await lose(site.store, [vims[0] for vims in groups])

    await site.upkeep.look()

    assert await site.causes() == []
    assert (await site.store.causes.look()).holder != ""


async def test_while_changes_pour_in_nothing_is_named(site: Site) -> None:
    lost, _ = await healthy(site.store, "198.51.100", "203.0.113")
    # However long that takes, it is not over: they are lost in half a minute.
    await lose(site.store, lost, ago_s=-30.0)
    await site.upkeep.look()
    assert await site.causes() == []

    await become(site.store, lost, Status.UNREACHABLE, 4, reason="TIMEOUT", ago_s=33.0)
    await site.upkeep.look()
    assert await site.causes() == [("NETWORK", "198.51.100.0/24", 5, 5)]


async def test_what_one_monitor_of_two_loses_is_named_after_it(site: Site) -> None:
    site.assignment = Assignment([Member("m-1"), Member("m-2")])
    # So many that each of the two surely has some.
    groups = await healthy(site.store, "198.51.100", "203.0.113", count=16)
    vims = [vim for group in groups for vim in group]
    of_one = [vim for vim in vims if site.assignment.owner_of(vim.id) == "m-1"]
    await site.upkeep.look()
    await lose(site.store, of_one)
    # By the time of the look, the other one has taken over.
    site.assignment = Assignment([Member("m-2")])
    site.upkeep._places.note({DEFAULT_VANTAGE: site.assignment}, 1e18)

    await site.upkeep.look()

    assert await site.causes() == [("MONITOR", "m-1", len(of_one), len(of_one))]


async def test_what_one_vantage_of_several_loses_is_named_after_it(site: Site) -> None:
    policy = ProbePolicy(vantages=("default", "eu"), quorum=2)
    disputed, well = [
        [await site.store.register(registration(policy=policy, auth_url=url)) for url in hosts(prefix, 4)]
        for prefix in ("198.51.100", "203.0.113")
    ]
    for vim in (*disputed, *well):
        await say(site.store, vim, Status.REACHABLE, 1, *policy.vantages)
    for vim in disputed:
        await say(site.store, vim, Status.UNREACHABLE, 2, "eu")
    await date_back(site.store, disputed, 5.0)
    await site.upkeep.look()
    assert await site.causes() == []  # `eu` reaches as many others

    for vim in well:
        await say(site.store, vim, Status.UNREACHABLE, 2, "eu")
    await date_back(site.store, well, 5.0)
    site.upkeep._counts.forget_places()
    await site.upkeep.look()

    assert await site.causes() == [("VANTAGE", "eu", 8, 8)]


async def test_only_the_conductor_that_has_the_turn_looks_closer(site: Site) -> None:
    lost, _ = await healthy(site.store, "198.51.100", "203.0.113")
    await lose(site.store, lost)
    await site.store.causes.take_turn("another conductor")

    await site.upkeep.look()

    assert await site.causes() == []


def test_places_are_those_of_the_time_of_the_changes() -> None:
    places = ProbingPlaces()
    before, after = Assignment([Member("m-1")]), Assignment([Member("m-2")])
    member = CauseMember("a", "p", "192.0.2.1", True, {}, Status.UNREACHABLE, "TIMEOUT", 5.0, Engine.EMBEDDED)
    there = Assignment([Member("m-3")])
    for time, assignment in ((0.0, before), (1.0, before), (100.0, after), (101.0, after)):
        places.note({DEFAULT_VANTAGE: assignment, "eu": there}, time)

    assert places.at(99.0)(member) == (("m-1", "default"),)
    assert places.at(100.0)(member) == (("m-2", "default"),)
    assert places.at(100.0)(member._replace(engine=Engine.MISTRAL)) == ()
    assert places.at(100.0)(member._replace(vantages=("eu", "default"))) == (("m-3", "eu"), ("m-2", "default"))
    assert places.at(100.0)(member._replace(vantages=())) == ()
    places.note({DEFAULT_VANTAGE: after}, 101.0 + WINDOW_S)
    assert places.at(0.0)(member) == (("m-2", "default"),)


async def test_readers_see_causes_of_their_projects(site: Site, tmp_path: Path) -> None:
    urls = hosts("198.51.100", 5)
    mine = await registered(site.store, *urls[:2], project_id="mine")
    theirs = await registered(site.store, *urls[2:], project_id="theirs")
    others = await registered(site.store, *hosts("203.0.113", 5), project_id="other")
    await become(site.store, others, Status.REACHABLE, 1, ago_s=3600)
    await lose(site.store, [*mine, *theirs])
    await site.upkeep.look()

    async with secured(site.store, tmp_path) as address:
        async with client_as(address, ADMIN) as admin:
            [whole] = (await admin.fleet.ListCauses(pb.ListCausesRequest(), timeout=WITHIN_S)).causes
        async with client_as(address, READER_OF_MINE) as reader:
            detail = await reader.fleet.GetCause(pb.GetCauseRequest(cause_id=whole.id), timeout=WITHIN_S)
            request = vim_service_pb2.GetVimRequest(vim_id=mine[0].id)
            vim = (await reader.vims.GetVim(request, timeout=WITHIN_S)).vim
        assert await refusals(address, whole.id, READER_OF_OTHER) == "CAUSE_NOT_FOUND"
        assert await refusals(address, whole.id, DRIVER) == "PERMISSION_DENIED"
        async with client_as(address, READER_OF_OTHER) as other:
            assert not (await other.fleet.ListCauses(pb.ListCausesRequest(), timeout=WITHIN_S)).causes

    assert (whole.kind, whole.subject, whole.reason) == (vim_pb2.VimCause.NETWORK, "198.51.100.0/24", "TIMEOUT")
    assert (whole.vim_count, whole.affected_count, whole.population) == (5, 5, 5)
    assert (detail.cause.vim_count, detail.cause.affected_count, detail.cause.population) == (2, 2, 0)
    assert {each.vim_id for each in detail.vims} == {vim.id for vim in mine}
    assert vim.cause == vim_pb2.VimCause(cause_id=whole.id, kind=vim_pb2.VimCause.NETWORK, subject="198.51.100.0/24")


async def refusals(address: str, cause_id: str, who: tuple[str, str, str]) -> str:
    async with client_as(address, who) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.fleet.GetCause(pb.GetCauseRequest(cause_id=cause_id), timeout=WITHIN_S)
    return failure_of(refused.value).reason


async def test_in_the_loop_nothing_is_done_for_each_change(site: Site) -> None:
    await loop_holds.lose(site.store, 4_000, is_one=True)
    calls, most = 0, 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    async def watch() -> Never:
        nonlocal calls, most
        while True:
            calls = 0
            await asyncio.sleep(0)
            most = max(most, calls)

    watching = asyncio.create_task(watch())
    sys.setprofile(count)  # of this thread alone
    try:
        await site.upkeep.look()
    finally:
        sys.setprofile(None)
        watching.cancel()

    assert await site.causes() == [("NETWORK", "10.0.0.0/20", 4_000, 4_000)]
    assert most < 3_000  # between two turns of the loop
