"""Maintenance at a real conductor: who plans it, who is told of it, and what a conductor that is killed leaves."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api import httpbody_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.deployments.conductor_process import conductor_in
from tests.support.deployments.conductors import Client, client_at, conductor_at
from tests.support.deployments.secured_conductors import ADMIN, OPERATOR, OTHER_OPERATOR, READER, client_as, secured
from tests.support.sql.maintenance import hours, pass_time
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.v1 import fleet_service_pb2, vim_service_pb2
from vimesh.v1 import maintenance_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
SEVERAL = ("https://login.example#mia", "operator", "a,b")
STATES = pb.MaintenanceWindow


def window(**fields: object) -> pb.MaintenanceWindow:
    known: dict[str, object] = {"filter": 'name = "lab*"', "reason": "new disks"}
    if "end_time" not in fields:
        known["duration"] = Duration(seconds=3600)
    return pb.MaintenanceWindow(**(known | fields))  # type: ignore[arg-type]  # fields by name


async def create(client: Client, **fields: object) -> pb.CreateMaintenanceWindowResponse:
    request = pb.CreateMaintenanceWindowRequest(window=window(**fields))
    return await client.maintenance.CreateMaintenanceWindow(request, timeout=WITHIN_S)


async def end(client: Client, window_id: str) -> pb.MaintenanceWindow:
    request = pb.EndMaintenanceWindowRequest(window_id=window_id)
    return (await client.maintenance.EndMaintenanceWindow(request, timeout=WITHIN_S)).window


async def listed(client: Client, *, ended: bool = False) -> list[str]:
    request = pb.ListMaintenanceWindowsRequest(ended=ended)
    return [one.id for one in (await client.maintenance.ListMaintenanceWindows(request, timeout=WITHIN_S)).windows]


async def told(client: Client, vim: Vim) -> list[VimEvent]:
    request = vim_service_pb2.ListVimEventsRequest(vim_id=vim.id)
    return list((await client.vims.ListVimEvents(request, timeout=WITHIN_S)).events)[::-1]


@pytest.fixture
async def address(tmp_path: Path) -> AsyncGenerator[str]:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, audit_file=tmp_path / "audit.log") as address,
    ):
        yield address


async def test_a_watcher_is_told_of_maintenance(client: Client) -> None:
    vim = await client.register(name="lab-1")
    watch = client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(), timeout=WITHIN_S)
    await watch.read()

    created = await create(client)
    stamp = (await client.get(vim.id)).maintenance
    events = await _next_events(watch)
    await end(client, created.window.id)
    assert not (await client.get(vim.id)).HasField("maintenance")
    events += await _next_events(watch)

    assert created.vim_count == 1
    assert (stamp.window_id, stamp.reason) == (created.window.id, "new disks")
    assert stamp.end_time == created.window.end_time == created.window.occurrence_end_time
    assert [event.kind for event in events] == [VimEvent.MAINTENANCE_STARTED, VimEvent.MAINTENANCE_ENDED]
    assert (events[0].maintenance, events[1].HasField("maintenance")) == (stamp, False)
    assert not events[0].HasField("vim")


async def test_a_filtered_watch_shows_vims_while_they_are_in_maintenance(client: Client) -> None:
    vim = await client.register(name="lab-1")
    request = vim_service_pb2.WatchVimsRequest(filter="maintenance = true")
    watch = client.vims.WatchVims(request, timeout=WITHIN_S)
    await watch.read()

    created = await create(client)
    [started] = await _next_events(watch)
    modified = Vim(id=vim.id, description="a new one")
    await client.vims.ModifyVim(vim_service_pb2.ModifyVimRequest(vim=modified), timeout=WITHIN_S)
    [changed] = await _next_events(watch)
    await end(client, created.window.id)
    [ended] = await _next_events(watch)

    assert [event.kind for event in (started, changed, ended)] == [
        *(VimEvent.MAINTENANCE_STARTED, VimEvent.MODIFIED, VimEvent.MAINTENANCE_ENDED)
    ]
    assert [event.filtered_out for event in (started, changed, ended)] == [False, False, True]


async def test_vims_that_come_are_covered_within_a_moment(client: Client) -> None:
    await create(client)

    vim = await client.register(name="lab-1")

    await client.until(vim.id, lambda now: now.HasField("maintenance"), WITHIN_S)
    await eventually(_is_told(client, vim), WITHIN_S)
    [registered, started] = await told(client, vim)
    assert started.kind == VimEvent.MAINTENANCE_STARTED
    assert started.maintenance == (await client.get(vim.id)).maintenance
    assert registered.vim.maintenance.window_id == ""


async def test_each_plans_for_its_projects(address: str, tmp_path: Path) -> None:
    """G14."""
    async with client_as(address, OPERATOR) as own, client_as(address, OTHER_OPERATOR) as other:
        async with client_as(address, ADMIN) as admin, client_as(address, READER) as reader:
            vims = [await client.register(name="lab") for client in (own, other)]
            created = (await create(own)).window
            of_all = (await create(admin)).window

            assert (created.project_id, created.creator, of_all.project_id) == ("a", OPERATOR[0], "")
            await end(admin, of_all.id)
            assert (await own.get(vims[0].id)).maintenance.window_id == created.id
            assert not (await other.get(vims[1].id)).HasField("maintenance")
            assert await listed(reader) == await listed(own) == [created.id]
            assert await listed(other, ended=True) == []
            assert await listed(admin, ended=True) == [of_all.id, created.id]
            for refused in (
                other.maintenance.GetMaintenanceWindow(pb.GetMaintenanceWindowRequest(window_id=created.id)),
                own.maintenance.EndMaintenanceWindow(pb.EndMaintenanceWindowRequest(window_id=of_all.id)),
            ):
                assert await reason_of(refused) == (grpc.StatusCode.NOT_FOUND, "WINDOW_NOT_FOUND")
            ids = {"filter": "", "vim_ids": [vims[0].id]}
            assert await reason_of(create(other, **ids)) == (grpc.StatusCode.NOT_FOUND, "VIM_NOT_FOUND")
            assert await reason_of(create(other, project_id="a")) == DENIED
            assert await reason_of(create(reader)) == DENIED
        async with client_as(address, SEVERAL) as several:
            assert await reason_of(create(several)) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")
            assert (await create(several, project_id="b")).window.project_id == "b"
    audit = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    of_windows = [line for line in audit if "Maintenance" in line["method"]]
    [line] = [line for line in of_windows if line.get("window_id") == created.id]
    assert (line["identity"], line["project_id"], line["outcome"]) == (OPERATOR[0], "a", "OK")
    assert {line["outcome"] for line in of_windows} == {
        *("OK", "PERMISSION_DENIED", "WINDOW_NOT_FOUND", "VIM_NOT_FOUND", "BAD_INPUT")
    }


async def test_a_request_is_only_checked(client: Client) -> None:
    await client.register(name="lab-1")
    start = Timestamp(seconds=(await _clock(client)).seconds + 60)
    planned = window(rrule="FREQ=WEEKLY", start_time=start)
    request = pb.CreateMaintenanceWindowRequest(window=planned, validate_only=True)

    seen = await client.maintenance.CreateMaintenanceWindow(request, timeout=WITHIN_S)

    assert (seen.window.id, seen.vim_count, await listed(client)) == ("", 1, [])
    assert seen.window.state == STATES.SCHEDULED
    assert seen.window.occurrence_start_time == start
    assert not seen.window.HasField("end_time")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reason": ""}, "window.reason"),
        ({"filter": ""}, "window.filter"),
        ({"filter": "status = REACHABLE"}, "filter"),
        ({"filter": "name"}, "filter"),
        ({"vim_ids": ["x"], "filter": ""}, "window.vim_ids[0]"),
        ({"vim_ids": [str(uuid.uuid4())] * 201, "filter": ""}, "window.vim_ids"),
        ({"rrule": "FREQ=HOURLY"}, "window.rrule"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "window.rrule"),
        ({"time_zone": "Mars"}, "window.time_zone"),
        ({"start_time": Timestamp(seconds=1)}, "window.start_time"),
        ({"start_time": Timestamp(seconds=253402300799)}, "window.start_time"),
        ({"start_time": Timestamp(seconds=-62135596800)}, "window.start_time"),
        ({"end_time": Timestamp(seconds=1)}, "window.duration"),
        ({"end_time": Timestamp(seconds=253402300799)}, "window.duration"),
        ({"duration": Duration()}, "window.duration"),
        ({"duration": Duration(seconds=86400 * 367)}, "window.duration"),
        ({"reason": "a\0b"}, "window.reason"),
    ],
)
async def test_a_bad_field_is_named(client: Client, fields: dict[str, object], field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(client, **fields)

    failure = failure_of(refused.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")
    assert field in [violation.field for violation in failure.violations]


async def test_json_is_read_strictly(client: Client) -> None:
    async def post(content: object) -> pb.CreateMaintenanceWindowJsonResponse:
        body = httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(content).encode())
        request = pb.CreateMaintenanceWindowJsonRequest(request=body)
        return await client.maintenance.CreateMaintenanceWindowJson(request, timeout=WITHIN_S)

    good = {"filter": "is_default = true", "duration": "60s", "reason": "x"}
    assert (await post({"window": good})).window.duration == Duration(seconds=60)
    all_bad: list[object] = [{"window": {**good, "rule": "FREQ=DAILY"}}, {"vim": {"extra": {}}}, {"window": {}}]
    for bad in all_bad:
        assert await reason_of(post(bad)) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")


@pytest.mark.timeout(180)
def test_a_window_begins_and_ends_though_its_conductor_is_killed(tmp_path: Path) -> None:
    """Flags depend on the clock alone: they are right in the first answer of the next conductor."""

    async def plan(address: str) -> tuple[Vim, pb.MaintenanceWindow]:
        async with client_at(address) as client:
            vim = await client.register(name="lab-1")
            start = Timestamp(seconds=(await _clock(client)).seconds + 3600)
            created = (await create(client, start_time=start)).window
            return await client.get(vim.id), created

    async def look(address: str, vim: Vim, kind: VimEvent.Kind.ValueType) -> tuple[Vim, list[int]]:
        async with client_at(address) as client:
            shown = await client.get(vim.id)
            await eventually(_is_told(client, vim, kind), WITHIN_S)
            return shown, [event.kind for event in await told(client, vim)]

    async def look_at_last(vim: Vim) -> tuple[Vim, list[int]]:
        # In this process, which is quicker than a third one.
        async with conductor_at(tmp_path / "vimesh.sqlite") as client:
            return await look(client.address, vim, VimEvent.MAINTENANCE_ENDED)

    with conductor_in(tmp_path) as conductor:
        vim, created = asyncio.run(plan(conductor.address))
        conductor.process.kill()
    asyncio.run(_pass_time(tmp_path, hours(1.1)))
    with conductor_in(tmp_path) as conductor:
        during, _ = asyncio.run(look(conductor.address, vim, VimEvent.MAINTENANCE_STARTED))
        conductor.process.kill()
    asyncio.run(_pass_time(tmp_path, hours(1)))
    after, kinds = asyncio.run(look_at_last(vim))

    assert [one.maintenance.window_id for one in (vim, during, after)] == ["", created.id, ""]
    assert kinds == [VimEvent.REGISTERED, VimEvent.MAINTENANCE_STARTED, VimEvent.MAINTENANCE_ENDED]


DENIED = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")


async def reason_of(call: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call  # type: ignore[misc]  # a call, or a coroutine
    failure = failure_of(refused.value)
    return failure.code, failure.reason


def _is_told(client: Client, vim: Vim, kind: VimEvent.Kind.ValueType = VimEvent.MAINTENANCE_STARTED):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a check
    async def is_told() -> bool:
        return kind in [event.kind for event in await told(client, vim)]

    return is_told


async def _next_events(watch: Any) -> list[VimEvent]:  # noqa: ANN401 - a call that streams
    while not (events := list((await watch.read()).events)):
        pass
    return events


async def _clock(client: Client) -> Timestamp:
    request = fleet_service_pb2.GetFleetStatusRequest()
    return (await client.fleet.GetFleetStatus(request, timeout=WITHIN_S)).time


async def _pass_time(folder: Path, by: dt.timedelta) -> None:
    async with store_at(sqlite_url(folder / "vimesh.sqlite")) as store:
        await pass_time(store, by)
