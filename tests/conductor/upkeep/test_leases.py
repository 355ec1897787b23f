"""Silence, through conductors: what is read, and who replaces whom."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.callers.recorder import recording
from tests.support.deployments.conductors import Client, conductor_at, conductor_over
from tests.support.sql.stores import elapse, sqlite_url, store_at
from tests.support.timing.waiting import until
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.upkeep.lease_sweep import SweepLimits
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2

Vim = vim_pb2.Vim

PACE = ConductorSettings(contact_within_s=0.1, drain_s=0, grace_s=1)
NO_SWEEP = replace(PACE, sweep=SweepLimits(replacements=0, period_s=0.02))
# Looks for the first time when the test is over.
SELDOM = replace(PACE, sweep=SweepLimits(period_s=3600))
SWEEP = replace(PACE, sweep=SweepLimits(period_s=0.02))
# A lease that a test never sees the end of, unless it lets time pass.
LONG_VIGIL = replace(SWEEP, contact_within_s=30)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "vimesh.sqlite"


async def until_unknown(client: Client, vim: Vim) -> Vim:
    return await client.until(vim.id, lambda found: found.status == Vim.UNKNOWN, 20)


async def test_a_vim_whose_action_fell_silent_reads_unknown_though_nobody_wrote(database: Path) -> None:
    """G6."""
    async with conductor_at(database, SELDOM) as client:
        vim = await client.register()
        await client.report(vim, Vim.REACHABLE, 1)
        revision = (await client.get(vim.id)).revision

        silent = await until_unknown(client, vim)

    assert (silent.reason, silent.monitor.state) == ("SILENT", vim_pb2.Monitor.SILENT)
    assert silent.valid_until.ToDatetime() == silent.status_time.ToDatetime()
    assert silent.revision == revision
    assert silent.monitor.action_id == vim.monitor.action_id


async def test_watchers_hear_of_a_silence_though_nobody_replaces_actions(database: Path) -> None:
    """G8."""
    async with conductor_at(database, NO_SWEEP) as client, recording(client) as recorder:
        vims = [await client.register() for _ in range(30)]
        await asyncio.gather(*(client.report(vim, Vim.REACHABLE, 1) for vim in vims))

        await recorder.until(lambda: len(recorder.events) == 90, 20)

        assert {recorder.status[vim.id] for vim in vims} == {Vim.UNKNOWN}
        assert {event.kind for event in recorder.events[60:]} == {vim_pb2.VimEvent.STATUS_CHANGED}
        assert (await client.report(vims[0], Vim.REACHABLE, 1)).status == Vim.REACHABLE
        await recorder.until(lambda: recorder.status[vims[0].id] == Vim.REACHABLE, 20)
        recorder.check_order()


async def test_a_silent_action_is_replaced_and_hears_bad_action_when_it_comes_back(database: Path) -> None:
    """G7."""
    async with conductor_at(database, SWEEP) as client, recording(client) as recorder:
        vim = await client.register()
        await client.report(vim, Vim.REACHABLE, 1)

        await recorder.until(lambda: len(recorder.events) == 4, 20)

        silence, replaced = recorder.events[-2:]
        assert (silence.kind, silence.previous_status, silence.status, silence.reason) == (
            vim_pb2.VimEvent.STATUS_CHANGED,
            Vim.REACHABLE,
            Vim.UNKNOWN,
            "SILENT",
        )
        assert replaced.kind == vim_pb2.VimEvent.ACTION_REPLACED
        assert replaced.stopped_action_id == vim.monitor.action_id
        assert (replaced.previous_status, replaced.status, replaced.reason) == (Vim.UNKNOWN, Vim.UNKNOWN, "SILENT")
        now = await client.get(vim.id)
        assert now.monitor.action_id == replaced.action_id
        assert (await client.report(vim, Vim.REACHABLE, 2)).WhichOneof("outcome") == "bad_action"
        assert (await client.report(now, Vim.REACHABLE, 1)).status == Vim.REACHABLE


async def test_those_who_run_actions_are_told_of_a_replacement(database: Path) -> None:
    async with conductor_at(database, SWEEP) as client:
        vim = await client.register()
        await client.report(vim, Vim.REACHABLE, 1)
        async with asyncio.timeout(20):
            async for told in client.conductor.WatchActions(pb.WatchActionsRequest(), timeout=30):
                if told.unwanted:
                    break

    assert [(old.vim_id, old.action_id) for old in told.unwanted] == [(vim.id, vim.monitor.action_id)]
    assert [new.vim_id for new in told.wanted] == [vim.id]
    assert told.wanted[0].action_id != vim.monitor.action_id


async def test_conductors_that_sweep_at_once_replace_each_action_once(database: Path) -> None:
    """G7."""
    async with conductor_at(database, SWEEP) as one, conductor_at(database, SWEEP) as other, recording(one) as recorder:
        vims = [await one.register() for _ in range(40)]
        await asyncio.gather(*(other.report(vim, Vim.REACHABLE, 1) for vim in vims))

        await recorder.until(lambda: len(recorder.events) == 160, 20)
        # Both go on looking: what is replaced once stays.
        for number in range(1, 4):
            later = await one.register()
            await one.report(later, Vim.REACHABLE, 1)
            await recorder.until(lambda: len(recorder.events) == 160 + 4 * number, 20)  # noqa: B023 - called now only

        first = [event for event in recorder.events if event.vim_id in {vim.id for vim in vims}]
        replaced = [event for event in first if event.kind == vim_pb2.VimEvent.ACTION_REPLACED]
        assert {event.stopped_action_id for event in replaced} == {vim.monitor.action_id for vim in vims}
        assert len(replaced) == len(vims)
        silences = [event for event in first if event.reason == "SILENT" and event not in replaced]
        assert {event.vim_id for event in silences} == {vim.id for vim in vims}
        assert len(silences) == len(vims)
        recorder.check_order()


async def test_a_conductor_that_has_just_come_replaces_nobody_before_the_living_had_the_time_to_come(
    database: Path,
) -> None:
    async with (
        store_at(sqlite_url(database)) as store,
        conductor_over(store, LONG_VIGIL) as client,
        recording(client) as recorder,
    ):
        vim = await client.register()
        await client.report(vim, Vim.REACHABLE, 1)
        await elapse(store, 1000)
        assert (await client.get(vim.id)).status == Vim.UNKNOWN
        # Watchers need not wait for that time to hear what is read.
        await recorder.until(lambda: recorder.status.get(vim.id) == Vim.UNKNOWN, 20)
        # The sweep goes on, and finds others that are silent.
        for _ in range(3):
            other = await client.register()
            await client.report(other, Vim.REACHABLE, 1)
            await elapse(store, 1000)
            await recorder.until(lambda: recorder.status.get(other.id) == Vim.UNKNOWN, 20)  # noqa: B023 - called now only

        assert (await client.report(vim, Vim.REACHABLE, 1)).status == Vim.REACHABLE
        assert (await client.get(vim.id)).monitor.action_id == vim.monitor.action_id


async def test_sweeping_goes_on_when_the_database_is_back(tmp_path: Path) -> None:
    database = tmp_path / "live" / "vimesh.sqlite"
    database.parent.mkdir()
    async with conductor_at(database, SWEEP) as client:
        with capture_logs() as logs:
            shutil.move(database.parent, tmp_path / "away")
            await until(lambda: any(entry["log_level"] == "warning" for entry in logs), 20)  # it has looked in vain
        shutil.move(tmp_path / "away", database.parent)

        async with recording(client) as recorder:
            vim = await client.register()
            await client.report(vim, Vim.REACHABLE, 1)
            await recorder.until(lambda: len(recorder.events) == 4, 20)

    assert recorder.events[-1].kind == vim_pb2.VimEvent.ACTION_REPLACED


async def test_the_more_vims_there_are_the_later_actions_are_asked_back(database: Path) -> None:
    settings = replace(PACE, contact_within_s=2, contacts_per_s=5)
    async with conductor_at(database, settings) as client:
        vims = [await client.register() for _ in range(40)]
        assert (await client.report(vims[0], Vim.REACHABLE, 1)).contact_within.ToSeconds() == 2

    async with conductor_at(database, settings) as client:
        answer = await client.report(vims[1], Vim.REACHABLE, 1)
        known = await client.get(vims[1].id)

    assert answer.contact_within.ToSeconds() == 8
    assert (known.valid_until.ToDatetime() - known.monitor.contact_time.ToDatetime()).total_seconds() == 24
