"""What every database keeps of causes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.support.causes.lost_vims import become, find_again, hosts, lose, registered, say
from tests.support.sql.stores import registration
from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.causes.cause_errors import CauseNotFound
from vimesh.domain.causes.causes import KEPT_S, MAX_ENDED, CommonCause, NewCause
from vimesh.domain.causes.traits import CauseMember, trait_of_subject
from vimesh.domain.errors import PageTokenInvalid
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import CauseKind, Status, Vim, VimCause
from vimesh.store.causes import cause_rows
from vimesh.store.schema.cause_tables import cause_turns, causes
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

HOLDER, OTHER = (str(uuid.UUID(int=number, version=4)) for number in (1, 2))
_LONG_S = 3600.0
"""More than any of these tests takes."""
PREFIX = trait_of_subject(CauseKind.NETWORK, "198.51.100.0/24", "")


def caller_of(*projects: str) -> Caller:
    return replace(OPEN_CALLER, projects=frozenset(projects))


async def begun(store: VimStore, members: Sequence[CauseMember]) -> str:
    cause = NewCause(str(uuid.uuid4()), PREFIX, "TIMEOUT", 5.0, 7)
    assert await store.causes.begin(HOLDER, cause)
    assert await store.causes.add_vims(HOLDER, cause.id, members)
    return cause.id


async def lost(store: VimStore, count: int = 3, project_id: str = "default") -> tuple[list[Vim], list[CauseMember]]:
    vims = await registered(store, *hosts("198.51.100", count), project_id=project_id)
    await lose(store, vims)
    ids = {vim.id for vim in vims}
    members = (await store.causes.recent_changes(0, 1000)).members
    return vims, [member for member in members if member.vim_id in ids]


async def listed(store: VimStore, caller: Caller = OPEN_CALLER, *, ended: bool = False) -> Sequence[CommonCause]:
    return (await store.causes.list_causes(10, "", caller, ended=ended)).causes


async def test_recent_changes_are_of_vims_that_are_lost_lately_and_have_no_cause(store: VimStore) -> None:
    lost_vims = await registered(store, "https://a.example.org:5000/v3", "http://[2001:db8::1]/v3", rack="a7")
    old, reachable, _ = await registered(store, *hosts("198.51.100", 3))
    await lose(store, lost_vims, "DNS")
    await lose(store, [old], ago_s=3600)
    await become(store, [reachable], Status.REACHABLE, 1)

    first = await store.causes.recent_changes(0, 1)
    rest = await store.causes.recent_changes(first.last_number, 10)
    look = await store.causes.look()

    assert [(each.vim_id, each.host, each.is_tls) for each in (*first.members, *rest.members)] == [
        (lost_vims[0].id, "a.example.org", True),
        (lost_vims[1].id, "2001:db8::1", False),
    ]
    [member] = first.members
    assert (member.labels, member.status, member.reason, member.engine) == (
        {"rack": "a7"},
        Status.UNREACHABLE,
        "DNS",
        "EMBEDDED",
    )
    assert 5 <= member.age_s < 60
    assert (first.last_number > 0, rest.last_number) == (True, 0)
    assert (look.recent_count, look.lasting_count, look.holder) == (2, 0, "")
    assert [each.vim_id for each in (await store.causes.healthy(0, 10)).members] == [reachable.id]


async def test_a_vim_says_its_cause_while_it_is_lost_and_the_cause_lasts(store: VimStore) -> None:
    vims, members = await lost(store)
    cause_id = await begun(store, members)
    expected = VimCause(cause_id, CauseKind.NETWORK, "198.51.100.0/24")

    assert [(await store.get(vim.id)).cause for vim in vims] == [expected] * 3
    assert (await store.causes.recent_changes(0, 10)).members == []
    await find_again(store, vims[:1])
    assert [(await store.get(vim.id)).cause for vim in vims] == [None, expected, expected]
    assert [(each.vim_count, each.affected_count) for each in await store.causes.lasting()] == [(3, 2)]

    await store.causes.end(HOLDER, [cause_id])

    assert (await store.get(vims[1].id)).cause is None
    assert await store.causes.lasting() == []
    assert not any((await store.read_gauges()).causes.values())
    assert {member.vim_id for member in (await store.causes.recent_changes(0, 10)).members} == {
        vim.id for vim in vims[1:]
    }


async def test_of_several_vantages_those_count_that_explain_the_status(store: VimStore) -> None:
    policy = ProbePolicy(vantages=("eu", "us", "asia"), quorum=3)
    disputed, torn, well = [await store.register(registration(policy=policy)) for _ in range(3)]
    for vim in (disputed, torn, well):
        await say(store, vim, Status.REACHABLE, 1, *policy.vantages)
    await say(store, disputed, Status.UNREACHABLE, 2, "eu")
    await say(store, torn, Status.UNREACHABLE, 2, "eu", "us")

    changes = (await store.causes.recent_changes(0, 10)).members

    assert [(each.vim_id, each.reason, each.vantages) for each in changes] == [
        (disputed.id, "DISPUTED", ("eu",)),
        (torn.id, "DISPUTED", ()),
    ]
    assert [(each.vim_id, each.vantages) for each in (await store.causes.healthy(0, 10)).members] == [
        (well.id, ("asia", "eu", "us"))
    ]


async def test_a_label_has_the_project_of_its_vims(store: VimStore) -> None:
    _, members = await lost(store, 2, "mine")
    label = trait_of_subject(CauseKind.LABEL, "rack=a7", "mine")
    cause = NewCause(str(uuid.uuid4()), label, "TIMEOUT", 5.0, 7)
    assert await store.causes.begin(HOLDER, cause)
    assert await store.causes.add_vims(HOLDER, cause.id, members[:1])
    await begun(store, members[1:])

    assert {each.trait for each in await store.causes.lasting()} == {label, PREFIX}
    counts = (await store.read_gauges()).causes
    assert {kind for kind, count in counts.items() if count} == {CauseKind.LABEL, CauseKind.NETWORK}
    assert sum(counts.values()) == 2
    assert {(each.subject, each.project_id) for each in await listed(store)} == {
        *(("rack=a7", "mine"), ("198.51.100.0/24", "")),
    }


async def test_a_vim_has_one_cause_that_lasts(store: VimStore) -> None:
    vims, members = await lost(store)
    first = await begun(store, members[:2])
    second = await begun(store, members)

    detail = await store.causes.get(second, OPEN_CALLER)

    assert [vim.vim_id for vim in detail.vims] == [vims[2].id]
    await store.causes.end(HOLDER, [first])
    await store.causes.add_vims(HOLDER, second, members[:2])
    assert (await store.causes.get(second, OPEN_CALLER)).cause.vim_count == 3
    await store.causes.add_vims(HOLDER, first, members)
    assert (await store.causes.get(first, OPEN_CALLER)).cause.vim_count == 2


async def test_a_vim_that_is_back_leaves_its_cause_for_good(store: VimStore) -> None:
    vims, members = await lost(store)
    cause_id = await begun(store, members)
    await find_again(store, vims[:1])

    assert [(each.affected_count, each.back_count) for each in await store.causes.lasting()] == [(2, 1)]
    assert await store.causes.leave(OTHER, 10) == 0
    assert [await store.causes.leave(HOLDER, 10) for _ in range(2)] == [1, 0]
    assert [(each.affected_count, each.back_count) for each in await store.causes.lasting()] == [(2, 0)]
    await become(store, vims[:1], Status.UNREACHABLE, 4, reason="TLS")

    assert (await store.get(vims[0].id)).cause is None
    [again] = (await store.causes.recent_changes(0, 10)).members
    assert (again.vim_id, again.reason) == (vims[0].id, "TLS")
    detail = await store.causes.get(cause_id, OPEN_CALLER)
    assert {vim.vim_id for vim in detail.vims} == {vim.id for vim in vims[1:]}
    assert (detail.cause.vim_count, detail.cause.affected_count) == (3, 2)
    assert [(each.vim_count, each.affected_count) for each in await store.causes.lasting()] == [(3, 2)]


async def test_a_vim_that_has_left_may_come_again_or_have_another_cause(store: VimStore) -> None:
    vims, members = await lost(store)
    first = await begun(store, members)
    await find_again(store, vims[:2])
    assert [await store.causes.leave(HOLDER, 1) for _ in range(3)] == [1, 1, 0]
    await become(store, vims[:2], Status.UNREACHABLE, 4, reason="TIMEOUT")

    await store.causes.add_vims(HOLDER, first, members[:1])
    second = await begun(store, members)

    counts = {cause.id: (cause.vim_count, cause.affected_count) for cause in await listed(store)}
    assert counts == {first: (3, 2), second: (1, 1)}
    assert {each.id: (each.vim_count, each.affected_count) for each in await store.causes.lasting()} == counts
    assert [vim.cause and vim.cause.cause_id for vim in [await store.get(each.id) for each in vims]] == [
        *(first, second, first),
    ]


async def test_callers_see_causes_of_their_projects_and_count_what_is_theirs(store: VimStore) -> None:
    mine, members = await lost(store, 2, "mine")
    _, others = await lost(store, 3, "theirs")
    cause_id = await begun(store, [*members, *others])

    [seen] = await listed(store, caller_of("mine", "unknown"))
    [whole] = await listed(store)

    assert (seen.vim_count, seen.affected_count, seen.population) == (2, 2, 0)
    assert (whole.vim_count, whole.affected_count, whole.population) == (5, 5, 7)
    detail = await store.causes.get(cause_id, caller_of("mine"))
    assert sorted(vim.name for vim in detail.vims) == sorted(vim.name for vim in mine)
    assert await listed(store, caller_of("unknown")) == []
    assert await listed(store, caller_of()) == []
    with pytest.raises(CauseNotFound):
        await store.causes.get(cause_id, caller_of("unknown"))
    with pytest.raises(CauseNotFound):
        await store.causes.get(OTHER, OPEN_CALLER)


async def test_causes_are_listed_in_pages_and_those_that_ended_on_demand(store: VimStore) -> None:
    _, members = await lost(store, 4)
    ids = [await begun(store, [member]) for member in members]
    await store.causes.end(HOLDER, ids[:1])

    first = await store.causes.list_causes(3, "", OPEN_CALLER, ended=True)
    rest = await store.causes.list_causes(3, first.next_page_token, OPEN_CALLER, ended=True)

    assert {cause.id for cause in await listed(store)} == set(ids[1:])
    assert sorted(cause.id for cause in (*first.causes, *rest.causes)) == sorted(ids)
    assert (len(rest.causes), rest.next_page_token) == (1, "")
    [ended] = [cause for cause in (*first.causes, *rest.causes) if cause.id == ids[0]]
    assert (ended.end_time is not None, ended.vim_count, ended.affected_count) == (True, 1, 0)
    with pytest.raises(PageTokenInvalid):
        await store.causes.list_causes(3, first.next_page_token, OPEN_CALLER, ended=False)


async def test_one_conductor_has_the_turn_until_it_is_gone(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cause_rows, "TURN_S", _LONG_S)
    _, members = await lost(store)
    cause_id = await begun(store, members[:1])

    assert (await store.causes.look()).holder == HOLDER
    assert not await store.causes.take_turn(OTHER)
    assert not await store.causes.begin(OTHER, NewCause(OTHER, PREFIX, "TIMEOUT", 5.0, 7))
    assert not await store.causes.add_vims(OTHER, cause_id, members)
    assert not await store.causes.end(OTHER, [cause_id])
    assert [(cause.vim_count, cause.end_time) for cause in await listed(store)] == [(1, None)]

    older = update(cause_turns).values(until=cause_turns.c.until - micros(_LONG_S))
    assert isinstance(store, SqlStore)
    await store._database.write(lambda connection: connection.execute(older))

    assert (await store.causes.look()).holder == ""
    assert await store.causes.take_turn(OTHER)
    assert not await store.causes.take_turn(HOLDER)


async def test_what_has_ended_is_dropped_by_and_by(store: VimStore) -> None:
    _, members = await lost(store)
    kept, old = [await begun(store, members[:1]), await begun(store, members[1:])]
    await store.causes.end(HOLDER, [kept, old])
    older = update(causes).where(causes.c.id == old).values(end_time=causes.c.end_time - micros(KEPT_S))
    assert isinstance(store, SqlStore)
    await store._database.write(lambda connection: connection.execute(older))

    dropped = [await store.causes.clean_up(2) for _ in range(4)]

    assert dropped == [2, 1, 1, 0]
    assert [(cause.id, cause.vim_count) for cause in await listed(store, ended=True)] == [(kept, 1)]


async def test_no_more_than_the_newest_causes_that_ended_are_kept(store: VimStore) -> None:
    row = {"kind": "LABEL", "subject": "a=b", "reason": "", "start_time": 1, "population": 0}
    now = int((await store.clock()).timestamp())
    rows = [{"id": str(uuid.uuid4()), "end_time": micros(now) + number, **row} for number in range(MAX_ENDED + 3)]
    assert isinstance(store, SqlStore)
    await store._database.write(lambda connection: connection.execute(causes.insert(), rows))

    assert [await store.causes.clean_up(1000) for _ in range(2)] == [3, 0]
