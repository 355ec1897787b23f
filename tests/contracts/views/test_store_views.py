"""How every VimStore keeps what several vantages say of a VIM: each has a fence, a lease and a standing (G1 to G8)."""

from __future__ import annotations

import uuid
from typing import Any, Final

import pytest
from sqlalchemy import update

from tests.support.sql.stores import elapse, newest_event, record, registration
from vimesh.domain.actions import ActionScope
from vimesh.domain.errors import BadInput
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.probing import PolicyChange, ProbePolicy, Reason
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, Late, Modification, Outcome, Recorded, Report, Status, Unchanged, Vim
from vimesh.store.reports.judge_and_write import judge_reports
from vimesh.store.reports.standing_cache import CachedStanding
from vimesh.store.schema.tables import standings
from vimesh.store.sql_store import SqlStore

LEASE_S = 90.0
"""That of a contact within 30 s."""
_R, _U = Status.REACHABLE, Status.UNREACHABLE
_TIMES: Final[dict[str, Any]] = {"status_time": 0, "has_reported": True, "lease_until": 0}


async def registered(store: VimStore, *vantages: str, quorum: int = 0, **fields: Any) -> Vim:  # noqa: ANN401 - of a Registration
    return await store.register(registration(policy=ProbePolicy(vantages=vantages, quorum=quorum), **fields))


async def actions(store: VimStore, vim: Vim) -> dict[str, str]:
    """Return the ids of the wanted actions, by vantage."""
    return {action.vantage: action.action_id for action in await store.actions_of([vim.id])}


async def say(
    store: VimStore, vim: Vim, *, observation: int = 1, reason: str = "TIMEOUT", **statuses: Status
) -> list[Outcome]:
    """Report from vantages, in one call."""
    wanted = await actions(store, vim)
    reports = [
        Report(vim.id, wanted[vantage], status, observation, reason if status is _U else "")
        for vantage, status in statuses.items()
    ]
    return await record(store, reports)


async def events_since(store: VimStore, revision: int) -> list[VimEvent]:
    return await store.events_after(revision, 100)


async def test_each_vantage_has_an_action_of_its_own(store: VimStore) -> None:
    vim = await registered(store, "eu", "us", "asia")
    wanted = await actions(store, vim)

    assert sorted(wanted) == ["asia", "eu", "us"]
    assert len(set(wanted.values())) == 3
    assert vim.monitor.action_id == ""
    shown = await store.get(vim.id)
    assert [(view.vantage, view.status, view.action_id) for view in shown.views] == [
        (name, Status.PENDING, wanted[name]) for name in ("eu", "us", "asia")
    ]
    for vantage, action_id in wanted.items():
        scope = ActionScope(Engine.EMBEDDED, vantage=vantage)
        assert [action.action_id for action in await store.actions_after(scope, "", 10)] == [action_id]
        assert list(await store.pool.wanted_after(scope, "", 10)) == [(vim.id, action_id)]
    assert await store.actions_after(ActionScope(Engine.EMBEDDED), "", 10) == []
    assert (await store.wanted_actions([vim.id]))[vim.id].of_views == frozenset(wanted.values())


async def test_the_status_follows_from_what_enough_of_them_say(store: VimStore) -> None:
    vim = await registered(store, "eu", "us", "asia")

    assert await say(store, vim, eu=_R, us=_R, asia=_R) == [Recorded(_R)] * 3
    assert (await store.get(vim.id)).status is _R
    before = await store.get(vim.id)

    await say(store, vim, observation=2, eu=_U)
    one_says_so = await store.get(vim.id)
    assert (one_says_so.status, one_says_so.status_time) == (_R, before.status_time)
    assert [view.status for view in one_says_so.views] == [_U, _R, _R]
    event = await newest_event(store)
    assert (event.kind, event.status, event.previous_status) == (EventKind.VIEW_CHANGED, _R, _R)
    assert event.view == one_says_so.views[0]
    assert event.revision == one_says_so.revision

    await say(store, vim, observation=2, us=_U)
    two_say_so = await store.get(vim.id)
    assert (two_say_so.status, two_say_so.reason) == (_U, "TIMEOUT")
    event = await newest_event(store)
    assert (event.kind, event.status, event.previous_status) == (EventKind.STATUS_CHANGED, _U, _R)
    assert event.view is not None
    assert event.view.vantage == "us"


async def test_two_that_disagree_dispute(store: VimStore) -> None:
    vim = await registered(store, "eu", "us")
    await say(store, vim, eu=_R, us=_U)

    disputed = await store.get(vim.id)

    assert (disputed.status, disputed.reason) == (Status.UNKNOWN, Reason.DISPUTED)
    assert disputed.detail == "eu: REACHABLE; us: UNREACHABLE (TIMEOUT)"


async def test_a_quorum_that_cannot_be_reached_is_no_quorum(store: VimStore) -> None:
    vim = await registered(store, "eu", "us", quorum=2)
    await say(store, vim, eu=_R)

    assert ((await store.get(vim.id)).status, (await store.get(vim.id)).reason) == (Status.UNKNOWN, Reason.NO_QUORUM)

    await say(store, vim, us=_R)
    assert ((await store.get(vim.id)).status, (await store.get(vim.id)).reason) == (_R, "")


async def test_only_the_wanted_action_of_each_vantage_is_recorded(store: VimStore) -> None:
    """G1, G3, G4, G5, for each view."""
    vim = await registered(store, "eu", "us")
    other = await registered(store, "eu", "us")
    await say(store, vim, observation=5, eu=_R, us=_R)
    wanted, foreign = await actions(store, vim), await actions(store, other)

    outcomes = await record(
        store,
        [
            Report(vim.id, foreign["eu"], _U, 9),
            Report(vim.id, vim.id, _U, 9),
            Report(vim.id, wanted["eu"], _U, 4),
            Report(vim.id, wanted["us"], _R, 5),
            Report(vim.id, wanted["us"], _R, 6),
        ],
    )

    assert outcomes == [BadAction(), BadAction(), Late(_R, 5), Unchanged(_R), Recorded(_R)]
    assert [view.status for view in (await store.get(vim.id)).views] == [_R, _R]
    await store.deregister(vim.id)
    assert await record(store, [Report(vim.id, wanted["eu"], _U, 10)]) == [BadAction()]


async def test_contacts_without_news_cost_no_change(store: VimStore) -> None:
    vim = await registered(store, "eu", "us")
    await say(store, vim, eu=_R, us=_R)
    before = await store.get(vim.id)
    await elapse(store, LEASE_S / 2)

    assert await say(store, vim, observation=2, eu=_R, us=_R) == [Recorded(_R)] * 2

    after = await store.get(vim.id)
    assert after.revision == before.revision
    assert after.valid_until is not None
    assert before.valid_until is not None
    assert (after.valid_until - await store.clock()).total_seconds() > LEASE_S - 10
    assert await say(store, vim, observation=2, eu=_R, us=_R) == [Unchanged(_R)] * 2


async def test_each_vantage_falls_silent_by_itself(store: VimStore) -> None:
    """G6, G7, G8."""
    vim = await registered(store, "eu", "us", "asia", quorum=2)
    await say(store, vim, eu=_R, us=_R, asia=_R)
    wanted = await actions(store, vim)
    await elapse(store, LEASE_S / 2)
    await say(store, vim, observation=2, eu=_R, us=_R)
    revision = (await store.get(vim.id)).revision
    await elapse(store, LEASE_S / 2 + 1)

    silent = await store.get(vim.id)
    assert silent.status is _R
    assert [view.status for view in silent.views] == [_R, _R, Status.UNKNOWN]
    assert silent.views[2].reason == Reason.SILENT
    assert await store.record_lapses(10) == 1
    assert await store.record_lapses(10) == 0
    [event] = await events_since(store, revision)
    assert (event.kind, event.status) == (EventKind.VIEW_CHANGED, _R)
    assert event.view == silent.views[2]

    assert await store.replace_silent(10) == 1
    assert await store.replace_silent(10) == 0
    now_wanted = await actions(store, vim)
    assert (now_wanted["eu"], now_wanted["us"]) == (wanted["eu"], wanted["us"])
    assert now_wanted["asia"] != wanted["asia"]
    replaced = await newest_event(store)
    assert (replaced.kind, replaced.action_id, replaced.stopped_action_id) == (
        *(EventKind.ACTION_REPLACED, now_wanted["asia"]),
        wanted["asia"],
    )
    assert replaced.starts_in(Engine.EMBEDDED)
    assert await record(store, [Report(vim.id, wanted["asia"], _U, 3)]) == [BadAction()]
    assert await say(store, vim, observation=3, asia=_R) == [Recorded(_R)]
    assert [view.status for view in (await store.get(vim.id)).views] == [_R, _R, _R]


async def test_silence_is_not_health_even_if_nobody_sweeps(store: VimStore) -> None:
    """G6."""
    vim = await registered(store, "eu", "us", quorum=2)
    await say(store, vim, eu=_R, us=_R)
    revision = (await store.get(vim.id)).revision
    await elapse(store, LEASE_S + 1)

    unswept = await store.get(vim.id)
    assert unswept.status is Status.UNKNOWN
    assert [view.status for view in unswept.views] == [Status.UNKNOWN] * 2
    await store.record_lapses(10)
    swept = await store.get(vim.id)

    assert (swept.status, swept.reason, swept.status_time) == (Status.UNKNOWN, Reason.NO_QUORUM, unswept.status_time)
    kinds = [(event.kind, event.status) for event in await events_since(store, revision)]
    assert kinds == [(EventKind.STATUS_CHANGED, Status.UNKNOWN), (EventKind.VIEW_CHANGED, Status.UNKNOWN)]
    assert await store.replace_silent(10) == 2


async def test_a_status_that_follows_from_a_silence_comes_after_unknown(store: VimStore) -> None:
    """G8: who has read UNKNOWN at the end of the lease is told of it."""
    vim = await registered(store, "eu", "us", quorum=1)
    await say(store, vim, eu=_U, us=_R)
    assert (await store.get(vim.id)).status is _U
    await elapse(store, LEASE_S / 2)
    await say(store, vim, observation=2, us=_R)
    revision = (await store.get(vim.id)).revision
    await elapse(store, LEASE_S / 2 + 1)
    assert (await store.get(vim.id)).status is Status.UNKNOWN

    await store.record_lapses(10)

    statuses = [(event.previous_status, event.status, event.reason) for event in await events_since(store, revision)]
    assert statuses == [(_U, Status.UNKNOWN, Reason.SILENT), (Status.UNKNOWN, _R, "")]
    assert (await store.get(vim.id)).status is _R


@pytest.mark.parametrize(
    ("first", "second", "quorum"),
    [((_R, _U), _U, 0), ((_U, _R), _R, 1)],
    ids=["a dispute that would become an accusation", "an accusation that would become good news"],
)
async def test_nobody_is_told_what_no_view_stands_by(
    store: VimStore, first: tuple[Status, Status], second: Status, quorum: int
) -> None:
    """G6: all leases have ended, one after the other, and nobody has swept meanwhile."""
    vim = await registered(store, "eu", "us", quorum=quorum)
    await say(store, vim, eu=first[0], us=first[1])
    await elapse(store, LEASE_S / 3)
    await say(store, vim, observation=2, us=second)
    before = await store.get(vim.id)
    await elapse(store, 2 * LEASE_S)
    read = await store.get(vim.id)

    await store.record_lapses(10)

    after = await store.get(vim.id)
    assert (after.status, after.reason) == (Status.UNKNOWN, Reason.NO_QUORUM)
    assert after.status_time == read.status_time
    assert {event.status for event in await events_since(store, before.revision)} == {Status.UNKNOWN}


async def test_a_status_ends_with_the_last_view_that_it_needs(store: VimStore) -> None:
    vim = await registered(store, "eu", "us")
    await say(store, vim, eu=_R, us=_R)
    await elapse(store, LEASE_S / 3)
    await say(store, vim, observation=2, us=_R)
    before = await store.get(vim.id)
    await elapse(store, 2 * LEASE_S)
    read = await store.get(vim.id)

    await store.record_lapses(10)

    assert (await store.get(vim.id)).status_time == read.status_time
    [lost, _] = await events_since(store, before.revision)
    assert (lost.kind, lost.previous_status, lost.status) == (EventKind.STATUS_CHANGED, _R, Status.UNKNOWN)


def test_an_action_is_not_dismissed_because_views_were_read_after_the_vim() -> None:
    """G3: the VIM may have got one vantage between the two reads, whose action is wanted as before."""
    several = CachedStanding("", _R, "", 0, True, number=1, engine=Engine.EMBEDDED, project_id="p", **_TIMES)
    report = Report("vim", "an action", _R, 1)

    assert judge_reports([(report, 30.0)], {"vim": several}, 0) == [None]


async def test_a_report_ends_a_silence_that_is_not_on_record(store: VimStore) -> None:
    vim = await registered(store, "eu", "us")
    await say(store, vim, eu=_R, us=_R)
    await elapse(store, LEASE_S + 1)

    assert await say(store, vim, observation=2, eu=_U) == [Recorded(_U)]

    seen = await store.get(vim.id)
    assert (seen.status, [view.status for view in seen.views]) == (_U, [_U, Status.UNKNOWN])


async def test_a_vantage_that_is_added_changes_nothing_for_the_first(store: VimStore) -> None:
    vim = await store.register(registration())
    await record(store, [Report(vim.id, vim.monitor.action_id, _R, 1)])
    before = await store.get(vim.id)

    both = await store.modify(vim.id, Modification(policy=PolicyChange(vantages=("default", "eu"))))

    wanted = await actions(store, vim)
    assert wanted["default"] == vim.monitor.action_id
    assert (both.status, both.status_time, both.monitor.action_id) == (_R, before.status_time, "")
    assert [(view.vantage, view.status) for view in both.views] == [("default", _R), ("eu", Status.PENDING)]
    event = await newest_event(store)
    assert (event.kind, event.stopped_action_id, event.starts_in(Engine.EMBEDDED)) == (EventKind.MODIFIED, "", True)
    assert await record(store, [Report(vim.id, vim.monitor.action_id, _R, 2)]) == [Recorded(_R)]

    await say(store, vim, eu=_U)
    alone = await store.modify(vim.id, Modification(policy=PolicyChange(vantages=("eu",))))

    assert alone.monitor.action_id == wanted["eu"]
    assert (alone.status, alone.reason, alone.views) == (_U, "TIMEOUT", ())
    modified, followed = await events_since(store, (await store.span()).newest - 2)
    assert (modified.kind, modified.stopped_action_id) == (EventKind.MODIFIED, wanted["default"])
    assert (followed.kind, followed.status) == (EventKind.STATUS_CHANGED, _U)
    assert await record(store, [Report(vim.id, wanted["default"], _R, 3), Report(vim.id, wanted["eu"], _R, 2)]) == [
        BadAction(),
        Recorded(_R),
    ]
    assert (await store.get(vim.id)).status is _R


async def test_a_new_quorum_is_applied_at_once(store: VimStore) -> None:
    vim = await registered(store, "eu", "us", "asia")
    await say(store, vim, eu=_R, us=_R, asia=_U)
    wanted = await actions(store, vim)

    strict = await store.modify(vim.id, Modification(policy=PolicyChange(quorum=3)))

    assert (strict.status, strict.reason) == (Status.UNKNOWN, Reason.DISPUTED)
    assert await actions(store, vim) == wanted
    assert (await newest_event(store)).kind is EventKind.STATUS_CHANGED


async def test_a_new_target_gets_new_actions_everywhere(store: VimStore) -> None:
    """G11."""
    vim = await registered(store, "eu", "us")
    await say(store, vim, eu=_R, us=_R)
    former = await actions(store, vim)

    moved = await store.modify(vim.id, Modification(auth_url="http://192.0.2.9/"))

    wanted = await actions(store, vim)
    assert not {*former.values()} & {*wanted.values()}
    assert (moved.status, [view.status for view in moved.views]) == (Status.PENDING, [Status.PENDING] * 2)
    event = await newest_event(store)
    assert {event.stopped_action_id, *event.stopped_views} == {*former.values()}
    assert await record(store, [Report(vim.id, former["eu"], _R, 2)]) == [BadAction()]


async def test_another_change_leaves_the_views_alone(store: VimStore) -> None:
    vim = await registered(store, "eu", "us")
    await say(store, vim, eu=_R, us=_R)
    before = await store.get(vim.id)

    described = await store.modify(vim.id, Modification(description="north"))

    assert (described.views, described.status, described.valid_until) == (before.views, _R, before.valid_until)
    assert (await newest_event(store)).kind is EventKind.MODIFIED


async def test_a_vim_that_goes_stops_the_actions_of_all_vantages(store: VimStore) -> None:
    vim = await registered(store, "eu", "us", "asia")
    wanted = await actions(store, vim)

    await store.deregister(vim.id)

    event = await newest_event(store)
    assert {event.stopped_action_id, *event.stopped_views} == {*wanted.values()}
    assert await store.actions_after(ActionScope(Engine.EMBEDDED, vantage="eu"), "", 10) == []


async def test_one_vantage_that_is_not_the_default_one_has_the_action(store: VimStore) -> None:
    vim = await registered(store, "eu")
    assert (vim.views, vim.monitor.action_id != "") == ((), True)
    assert await actions(store, vim) == {"eu": vim.monitor.action_id}
    assert await store.actions_after(ActionScope(Engine.EMBEDDED), "", 10) == []
    assert await say(store, vim, eu=_R) == [Recorded(_R)]

    moved = await store.modify(vim.id, Modification(policy=PolicyChange(vantages=())))

    assert moved.monitor.action_id != vim.monitor.action_id
    assert await actions(store, vim) == {"default": moved.monitor.action_id}
    assert (await newest_event(store)).stopped_action_id == vim.monitor.action_id


async def test_vims_of_one_vantage_and_of_several_are_listed_together(store: VimStore) -> None:
    vims = [await registered(store, *names) for names in (("eu",), ("us",), ("eu", "us"), (), ("us", "eu"))]
    wanted = [(await actions(store, vim)).get("eu") for vim in vims]
    expected = sorted((vim.id, action_id) for vim, action_id in zip(vims, wanted, strict=True) if action_id)
    scope = ActionScope(Engine.EMBEDDED, vantage="eu")
    listed: list[tuple[str, str]] = []
    keys: list[tuple[str, str]] = []

    last = ""
    while page := await store.actions_after(scope, last, 2):
        listed += [(action.vim_id, action.action_id) for action in page]
        last = page[-1].vim_id
    last = ""
    while found := await store.pool.wanted_after(scope, last, 2):
        keys += found
        last = found[-1][0]

    assert listed == keys == expected


async def test_views_that_a_conductor_of_before_left_behind_are_deleted(store: VimStore) -> None:
    vim = await registered(store, "eu", "us")
    assert isinstance(store, SqlStore)
    await store._database.write(lambda c: c.execute(update(standings).values(action_id=str(uuid.uuid4()))))
    await elapse(store, LEASE_S)

    assert [await store.replace_silent(10), await store.replace_silent(10)] == [1, 0]

    single = await store.get(vim.id)
    assert await actions(store, vim) == {"default": single.monitor.action_id}
    await store.modify(vim.id, Modification(policy=PolicyChange(quorum=1)))
    assert (await actions(store, vim)).keys() == {"eu", "us"}


async def test_only_monitors_probe_from_vantages(store: VimStore) -> None:
    with pytest.raises(BadInput, match="only the engine EMBEDDED"):
        await registered(store, "eu", engine=Engine.MISTRAL)
    vim = await registered(store, "eu", "us")
    with pytest.raises(BadInput, match="only the engine EMBEDDED"):
        await store.modify(vim.id, Modification(engine=Engine.MISTRAL))

    with pytest.raises(BadInput, match="must not exceed the number of vantages"):
        await store.modify(vim.id, Modification(policy=PolicyChange(quorum=3)))

    wanted = await actions(store, vim)
    moved = await store.modify(vim.id, Modification(engine=Engine.MISTRAL, policy=ProbePolicy()))

    assert moved.monitor.engine is Engine.MISTRAL
    [todo] = await store.claim_todos("driver", 10, 60.0)
    assert (todo.action_id, todo.action is not None) == (moved.monitor.action_id, True)
    assert await record(store, [Report(vim.id, wanted["eu"], _R, 9)]) == [BadAction()]
