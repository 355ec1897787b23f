"""What each caller is told of the fleet, and who may be a process of it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.deployments.secured_conductors import (
    ADMIN,
    CONSOLE,
    DRIVER,
    EXECUTOR,
    MONITOR,
    NOTIFIER,
    OPERATOR,
    READER,
    REPORTER,
    client_as,
    secured,
)
from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.v1 import fleet_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
MONITORS, API, BRIDGES, NOTIFIERS, EXECUTORS, CONSOLES = (
    pb.FleetProcess.Kind.Value(kind) for kind in ("MONITOR", "API", "BRIDGE", "NOTIFIER", "EXECUTOR", "CONSOLE")
)
BRIDGE = ("spiffe://vimesh/bridge/b1", "reader,reporter", "*")
EVERYWHERE = ("https://login.example#otto", "operator", "*")
READER_EVERYWHERE = ("https://login.example#rita", "reader", "*")
NOTIFIER_OF_A = (NOTIFIER[0], NOTIFIER[1], "a")


@pytest.fixture
async def address(tmp_path: Path) -> AsyncGenerator[str]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, secured(store, tmp_path) as address:
        for project in ("a", "a", "b"):
            await store.register(registration(project_id=project))
        yield address


def report(kind: object = MONITORS, **fields: object) -> pb.ReportProcessRequest:
    known: dict[str, object] = {"process_id": str(uuid.uuid4()), "kind": kind, "host": "h"}
    return pb.ReportProcessRequest(**(known | fields))  # type: ignore[arg-type]  # fields by name


async def look(client: Client) -> pb.GetFleetStatusResponse:
    return await client.fleet.GetFleetStatus(pb.GetFleetStatusRequest(), timeout=WITHIN_S)


async def look_as(address: str, who: tuple[str, str, str]) -> pb.GetFleetStatusResponse:
    async with client_as(address, who) as client:
        return await look(client)


@pytest.mark.parametrize(
    ("who", "total", "whole"),
    [(READER, 2, False), (OPERATOR, 2, False), (READER_EVERYWHERE, 3, False), (EVERYWHERE, 3, True), (ADMIN, 3, True)],
)
async def test_who_runs_the_fleet_sees_all_of_it_and_others_their_vims(
    address: str, who: tuple[str, str, str], total: int, *, whole: bool
) -> None:
    async with client_as(address, MONITOR) as monitor:
        await monitor.fleet.ReportProcess(report(MONITORS), timeout=WITHIN_S)
    answer = await look_as(address, who)

    assert (answer.vims.total, answer.vims.pending, answer.vims.unwatched) == (total, total, 0)
    assert answer.whole_fleet is whole
    assert (len(answer.processes) > 0, answer.HasField("database")) == (whole, whole)


@pytest.mark.parametrize(
    ("who", "kinds"),
    [
        (MONITOR, {MONITORS}),
        (EXECUTOR, {EXECUTORS}),
        (DRIVER, {API}),
        (BRIDGE, {BRIDGES}),
        (NOTIFIER, {NOTIFIERS}),
        (CONSOLE, {CONSOLES}),
        (READER_EVERYWHERE, set()),
        (NOTIFIER_OF_A, set()),
        # It reports on VIMs of one project only, as a program of a tenant does.
        (REPORTER, set()),
    ],
)
async def test_each_identity_is_a_process_of_its_own_kind_only(
    address: str, who: tuple[str, str, str], kinds: set[int]
) -> None:
    accepted, refusals = set[int](), set[str]()
    async with client_as(address, who) as client:
        for kind in (MONITORS, API, BRIDGES, NOTIFIERS, EXECUTORS, CONSOLES):
            try:
                await client.fleet.ReportProcess(report(kind), timeout=WITHIN_S)
                accepted.add(kind)
            except grpc.aio.AioRpcError as error:
                refusals.add(failure_of(error).reason)
    seen = await look_as(address, ADMIN)

    assert (accepted, refusals) == (kinds, {"PERMISSION_DENIED"})
    assert {(one.kind, one.identity) for one in seen.processes if one.host == "h"} == {(kind, who[0]) for kind in kinds}


async def test_a_process_is_there_from_its_first_report_to_its_last(address: str) -> None:
    said = report(MONITORS, pid=7, version="1.2", facts={"actions": "3"})
    said.uptime.seconds, said.loop_lag.nanos = 60, 250_000_000
    async with client_as(address, MONITOR) as monitor, client_as(address, ADMIN) as admin:
        answer = await monitor.fleet.ReportProcess(said, timeout=WITHIN_S)
        [seen] = [one for one in (await look(admin)).processes if one.kind == MONITORS]
        said.ending = True
        await monitor.fleet.ReportProcess(said, timeout=WITHIN_S)
        gone = await look(admin)

    assert answer.report_within.seconds == 15
    assert (seen.process_id, seen.pid, seen.version, dict(seen.facts)) == (said.process_id, 7, "1.2", {"actions": "3"})
    assert (seen.seen_time.seconds - seen.start_time.seconds, seen.loop_lag) == (60, said.loop_lag)
    assert [one.kind for one in gone.processes if one.kind == MONITORS] == []
    assert [trouble.reason for trouble in gone.troubles] == ["NO_MONITOR"]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": pb.FleetProcess.CONDUCTOR},
        {"process_id": "me"},
        {"host": "two\nlines"},
        {"version": "1" * 65},
        {"facts": {f"f{number}": "" for number in range(9)}},
        {"facts": {"Name": ""}},
        {"facts": {"name": "\x1b[0m"}},
    ],
)
async def test_what_a_process_says_is_bounded(tmp_path: Path, fields: dict[str, object]) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.fleet.ReportProcess(report(**fields), timeout=WITHIN_S)

    assert failure_of(refused.value).reason == "BAD_INPUT"
