"""What every VimStore does with many rows at once: each is stored as it was sent."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tests.support.sql.stores import changes_in, elapse, record, registration, report
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, MonitorState, Recorded, Registered, Report, Status, Vim
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.schema.tables import standings
from vimesh.store.sql_store import SqlStore

ROUND_TRIPS_S = (None, 0.0, 0.1, 1 / 3, 5e-324, 1e300)
OBSERVATIONS = (1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1)
STATUSES = (Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN)
DETAILS = (
    "",
    "null",
    """it's "so", `so`; -- and \\ and \\' and \\u0041""",
    "%s %(rows)s :rows $[0] {} [],",
    "new\nline, \r, \t, \x01, \x1a and \x7f, a blank ",
    "é ß Ω \u2028 \ufeff 😀 \U0010ffff",
    "😀\\\"'" * 128,
)
LATE_S = 91.0
"""Longer than the lease that `record_reports` grants, and than the first start grace."""


async def _registered(store: VimStore, count: int) -> list[Vim]:
    outcomes = await store.register_many([registration() for _ in range(count)])
    return [await store.get(one.vim_id) for one in outcomes if isinstance(one, Registered)]


def _odd_reports(vims: Sequence[Vim]) -> list[Report]:
    odd = zip(*map(itertools.cycle, (ROUND_TRIPS_S, OBSERVATIONS, DETAILS, STATUSES)), strict=False)
    return [
        report(vim, status, observation, reason="ODD", detail=f"{number} {detail}", round_trip_s=round_trip_s)
        for number, (vim, (round_trip_s, observation, detail, status)) in enumerate(zip(vims, odd, strict=False))
    ]


async def test_a_thousand_reports_in_one_call_are_stored_as_they_were_sent(store: VimStore) -> None:
    """G2."""
    vims = await _registered(store, 1000)
    said = _odd_reports(vims)

    assert await record(store, said) == [Recorded(one.status) for one in said]

    assert await _stored(store, vims) == said
    assert await changes_in(store) == 2000

    # And what was there is NULL again.
    again = [one._replace(observation=0, detail="", round_trip_s=None, reason="") for one in said]
    assert await record(store, again) == [Recorded(one.status) for one in said]
    assert await _stored(store, vims) == [
        one._replace(observation=sent.observation) for one, sent in zip(again, said, strict=True)
    ]


async def test_in_a_batch_too_each_action_writes_its_own_vim_only(store: VimStore) -> None:
    """G1."""
    vims = await _registered(store, 200)
    said = [report(vim, action_id=vim.monitor.action_id if i % 2 else "old") for i, vim in enumerate(vims)]

    assert await record(store, said) == [BadAction(), Recorded(Status.REACHABLE)] * 100

    assert [(await store.get(vim.id)).status for vim in vims] == [Status.PENDING, Status.REACHABLE] * 100


async def test_many_silences_are_told_and_replaced(store: VimStore) -> None:
    """G6, G7."""
    vims = await _registered(store, 200)
    await record(store, _odd_reports(vims))
    await elapse(store, LATE_S)
    told = await store.record_lapses(1000)
    silent = [await store.get(vim.id) for vim in vims]

    assert (told, await store.replace_silent(1000)) == (200, 200)

    after = [await store.get(vim.id) for vim in vims]
    assert {(vim.status, vim.round_trip_s, vim.monitor.state) for vim in after} == {
        (Status.UNKNOWN, None, MonitorState.STARTING),
    }
    assert [(vim.detail, vim.reason, vim.status_time) for vim in after] == [
        (vim.detail, vim.reason, vim.status_time) for vim in silent
    ]
    assert len({vim.monitor.action_id for vim in (*vims, *after)}) == 400


async def test_a_row_that_is_not_found_as_it_was_is_left_alone(store: VimStore) -> None:
    """G1: the statement alone keeps it."""
    assert isinstance(store, SqlStore)
    first, second, third = await _registered(store, 3)
    rewrite = BatchUpdate(standings, ("number", "action_id"), ("detail",))
    # A number is the revision with which the VIM was registered.
    was = [
        {"number": first.revision, "action_id": second.monitor.action_id},
        {"number": second.revision, "action_id": f"{second.monitor.action_id}x"},
        {"number": third.revision, "action_id": third.monitor.action_id},
    ]

    found = await store._database.write(
        lambda c: rewrite.run(c, [rewrite.values(row, {"detail": "moved"}) for row in was])
    )

    assert found == 1

    assert [(await store.get(vim.id)).detail for vim in (first, second, third)] == ["", "", "moved"]


async def _stored(store: VimStore, vims: Sequence[Vim]) -> list[Report]:
    """Read what the reports on these VIMs must have been."""
    ids = [vim.id for vim in vims]
    found = {vim.id: vim for vim in (await store.list_vims(VimQuery(page_size=len(vims)))).vims}
    observations = {action.vim_id: action.observation for action in await store.actions_of(ids)}
    return [
        report(
            *(vim, vim.status, observations[vim.id]),
            reason=vim.reason,
            detail=vim.detail,
            round_trip_s=vim.round_trip_s,
        )
        for vim in (found[vim_id] for vim_id in ids)
    ]
