"""A real conductor shows Prometheus what it did: each deed is one that a client asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.deployments.conductors import Client, client_at, report_on
from tests.support.deployments.scripted_monitor import reached, refused, scripted_monitor, silent
from tests.support.scraping.scrapes import Scrape, scrape, socket_in
from tests.support.sql.maintenance import new_window
from tests.support.sql.stores import elapse, registration, sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.conductor.upkeep.lease_sweep import SweepLimits
from vimesh.domain.vims import Engine
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.exposition import MetricsSettings, exposition_of
from vimesh.metrics.metric_catalogue import entries_of
from vimesh.rpc.admission.call_gate import CallAdmissionLimits, StreamLimit
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2, vim_service_pb2

REACHABLE, UNREACHABLE = vim_pb2.Vim.REACHABLE, vim_pb2.Vim.UNREACHABLE


@dataclass(frozen=True)
class Watched:
    """A conductor in this process, and where its metrics are."""

    client: Client
    store: SqlStore
    address: str

    async def scrape(self, target: str = "/metrics") -> Scrape:
        return await scrape(self.address, target)

    async def until(self, name: str, value: float, **labels: str) -> Scrape:
        """Scrape until a metric has a value: what the loop does by itself takes a moment."""
        answer = await self.scrape()

        async def has_value() -> bool:
            nonlocal answer
            answer = await self.scrape()
            return answer.value(name, **labels) == value

        await eventually(has_value, 20)
        return answer


@asynccontextmanager
async def watched(folder: Path, settings: ConductorSettings | None = None) -> AsyncGenerator[Watched]:
    settings = settings or ConductorSettings(drain_s=0, grace_s=1)
    async with (
        store_at(sqlite_url(folder / "vimesh.sqlite")) as store,
        exposition_of(Component.CONDUCTOR, MetricsSettings(socket_in(folder))) as exposition,
        serving(store, settings, exposition=exposition) as ports,
        client_at(f"127.0.0.1:{ports.main}") as client,
    ):
        yield Watched(client, store, socket_in(folder))


async def test_reports_are_counted_by_outcome(tmp_path: Path) -> None:
    async with watched(tmp_path) as conductor:
        client = conductor.client
        vim = await client.register()
        await client.report(vim, REACHABLE, 5)
        await client.report(vim, REACHABLE, 5)
        await client.report(vim, UNREACHABLE, 4)
        await client.report(vim, REACHABLE, 6, action_id="another")
        with pytest.raises(grpc.aio.AioRpcError):
            await client.report(vim, vim_pb2.Vim.PENDING, 7)
        batch = [report_on(vim, UNREACHABLE, 8, reason="TIMEOUT"), report_on(vim, REACHABLE, 9, reason="no reason")]
        await client.conductor.UpdateVims(pb.UpdateVimsRequest(reports=batch), timeout=30)
        answer = await conductor.scrape()

    outcomes = {dict(labels)["outcome"]: value for labels, value in answer.by_labels("vimesh_reports_total").items()}
    assert outcomes == {"changed": 2, "confirmed": 1, "late": 1, "bad_action": 1, "invalid": 2}
    assert answer.value("vimesh_store_group_reports_sum") == 2
    service = {"grpc_service": "vimesh.v1.ConductorService", "grpc_method": "UpdateVim"}
    assert answer.value("grpc_server_handled_total", **service, grpc_code="OK") == 4
    assert answer.value("grpc_server_handled_total", **service, grpc_code="INVALID_ARGUMENT") == 1
    assert answer.value("grpc_server_handling_seconds_count", **service) == 5


async def test_second_opinions_are_counted_by_outcome(tmp_path: Path) -> None:
    def say(request: pb.RequestedProbe) -> list[pb.ProbeAnswer]:
        answers = {"127.0.0.1": refused, "127.0.0.2": reached}
        return answers.get(urlsplit(request.auth_url).hostname or "", silent)(request)

    async with watched(tmp_path) as conductor:
        client = conductor.client
        urls = ["http://127.0.0.1/a", "http://127.0.0.1/a", "http://127.0.0.2/", "http://127.0.0.3/"]
        failed = [
            pb.FailedVim(vim_id=vim.id, action_id=vim.monitor.action_id)
            for vim in [await client.register(auth_url=url) for url in urls]
        ]
        # Nobody is asked about what is not wanted.
        failed.append(pb.FailedVim(vim_id=failed[0].vim_id, action_id="another"))
        async with scripted_monitor(client) as asking, scripted_monitor(client, say):
            request = pb.ConfirmFailuresRequest(monitor_id=asking.monitor_id, vims=failed)
            async for _ in client.conductor.ConfirmFailures(request, timeout=30):
                pass
        answer = await conductor.scrape()

    opinions = answer.by_labels("vimesh_second_opinions_total")
    outcomes = {dict(labels)["outcome"]: value for labels, value in opinions.items()}
    assert outcomes == {"confirmed": 2, "denied": 1, "unknown": 1}
    assert answer.value("vimesh_second_opinion_delay_seconds_count") == 3


async def test_the_delay_of_a_detection_has_the_age_of_its_report(tmp_path: Path) -> None:
    async with watched(tmp_path) as conductor:
        vim = await conductor.client.register()
        await conductor.client.report(vim, REACHABLE, 1, age=Duration(seconds=40))
        await conductor.client.report(vim, REACHABLE, 1, age=Duration(seconds=80))
        first = await conductor.scrape()
        await elapse(conductor.store, 3600)
        # It ends a silence: how long that verdict stood says nothing of how fast it was found.
        await conductor.client.report(vim, UNREACHABLE, 2, age=Duration(seconds=3000))
        second = await conductor.scrape()

    for answer in (first, second):
        assert answer.value("vimesh_detection_delay_seconds_count") == 1
        assert 40 < (answer.value("vimesh_detection_delay_seconds_sum") or 0) < 70


async def test_an_action_that_was_late_is_seen(tmp_path: Path) -> None:
    """The pace is 60 s, and leases last for 180 s: with 48 s left it may have been in time, with 30 s it was not."""
    async with watched(tmp_path, ConductorSettings(drain_s=0, grace_s=1, contact_within_s=60)) as conductor:
        vim = await conductor.client.register()
        await conductor.client.report(vim, REACHABLE, 1)
        await elapse(conductor.store, 120)
        await conductor.client.report(vim, REACHABLE, 1)
        in_time = await conductor.scrape()
        await elapse(conductor.store, 150)
        await conductor.client.report(vim, REACHABLE, 1)
        late = await conductor.scrape()

    assert (in_time.value("vimesh_contact_lag_seconds_count"), in_time.value("vimesh_contact_lag_seconds_sum")) == (
        1,
        0,
    )
    assert late.value("vimesh_contact_lag_seconds_count") == 2
    assert 17 < (late.value("vimesh_contact_lag_seconds_sum") or 0) < 47
    assert late.value("vimesh_contact_within_seconds") == 60


async def test_sweeps_lapses_and_replacements_are_counted(tmp_path: Path) -> None:
    settings = ConductorSettings(
        drain_s=0, grace_s=1, contact_within_s=0.2, sweep=SweepLimits(replacements=10, period_s=0.1)
    )
    async with watched(tmp_path, settings) as conductor:
        vim = await conductor.client.register()
        await conductor.client.report(vim, REACHABLE, 1)
        await conductor.until("vimesh_leases_lapsed_total", 1)
        answer = await conductor.until("vimesh_actions_replaced_total", 1)

    assert (answer.value("vimesh_lease_sweeps_total", result="good") or 0) >= 2
    assert answer.value("vimesh_lease_sweeps_total", result="failed") == 0
    assert 0 <= (answer.value("vimesh_lease_sweep_age_seconds") or -1) < 20


async def test_watches_are_counted(tmp_path: Path) -> None:
    async with watched(tmp_path) as conductor:
        client = conductor.client
        stream = client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(), timeout=30)
        await stream.read()
        open_ = await conductor.until("vimesh_watchers", 1, kind="vims")
        await client.register()
        delivered = await conductor.until("vimesh_watch_events_delivered_total", 1, kind="vims")
        stream.cancel()
        closed = await conductor.until("vimesh_watches_ended_total", 1, reason="left")

    assert open_.value("vimesh_watchers", kind="actions") == 0
    assert delivered.value("vimesh_admission_calls", call_class="watches") == 1
    assert closed.value("vimesh_watchers", kind="vims") == 0
    service = {"grpc_service": "vimesh.v1.VimService", "grpc_method": "WatchVims"}
    assert closed.value("grpc_server_handled_total", **service, grpc_code="CANCELLED") == 1


async def test_changes_of_many_and_maintenance_are_counted(tmp_path: Path) -> None:
    async with watched(tmp_path) as conductor:
        vim, nobody = await conductor.client.register(), "00000000-0000-4000-8000-000000000000"
        change = vim_service_pb2.ModifyVimsRequest(vim_ids=[vim.id, nobody], vim=vim_pb2.Vim(description="d"))
        await conductor.client.vims.ModifyVims(change, timeout=30)
        await conductor.store.maintenance.create(new_window(vim_ids=[vim.id]))
        answer = await conductor.until("vimesh_maintenance_announcements_total", 1, kind="started")

    assert answer.value("vimesh_bulk_changes_total", kind="modify", outcome="changed") == 1
    assert answer.value("vimesh_bulk_changes_total", kind="modify", outcome="refused") == 1
    assert answer.value("vimesh_bulk_changes_total", kind="deregister", outcome="changed") == 0
    assert answer.value("vimesh_history_digests_total", outcome="recorded") == 0
    assert answer.value("vimesh_availability_query_seconds_count") == 0


async def test_refusals_are_counted(tmp_path: Path) -> None:
    admission = CallAdmissionLimits(watches=StreamLimit(1, 1))
    async with watched(tmp_path, ConductorSettings(drain_s=0, grace_s=1, admission=admission)) as conductor:
        first = conductor.client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(), timeout=30)
        await first.read()
        # Only now: of two calls that begin at once, either may come first.
        second = conductor.client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(), timeout=30)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await second.read()
        answer = await conductor.scrape()
        first.cancel()

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert answer.value("vimesh_admission_refusals_total", call_class="watches") == 1
    assert answer.value("vimesh_admission_limit", call_class="watches") == 1


async def test_vims_and_todos_are_counted_in_the_database(tmp_path: Path) -> None:
    async with watched(tmp_path) as conductor:
        answer = await conductor.until("vimesh_vims", 0, status="UNKNOWN")

    assert answer.value("vimesh_store_up") == 1
    assert {dict(labels)["dialect"] for labels in answer.by_labels("vimesh_store_info")} == {"sqlite"}
    assert answer.value("vimesh_todos", state="due") == 0
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        await store.register(registration(engine=Engine.MISTRAL))
    async with watched(tmp_path) as conductor:
        answer = await conductor.until("vimesh_todos", 1, state="due")

    assert answer.value("vimesh_vims", status="PENDING") == 1
    assert 0 <= (answer.value("vimesh_todo_oldest_age_seconds") or -1) < 60


async def test_a_database_that_is_gone_is_seen(tmp_path: Path) -> None:
    async with watched(tmp_path) as conductor:
        await conductor.until("vimesh_store_up", 1)
        (tmp_path / "vimesh.sqlite").rename(tmp_path / "elsewhere")
        answer = await conductor.until("vimesh_store_up", 0)
        page = await conductor.scrape("/metrics/vims")
        (tmp_path / "elsewhere").rename(tmp_path / "vimesh.sqlite")

    assert sum(answer.by_labels("vimesh_store_errors_total").values()) > 0
    assert page.status == 503


async def test_all_that_is_catalogued_is_there_and_nothing_else(tmp_path: Path) -> None:
    async with watched(tmp_path) as conductor:
        await conductor.client.register()
        answer = await conductor.until("vimesh_vims", 0, status="UNKNOWN")

    expected = {entry.name: str(entry.kind) for entry in entries_of(Component.CONDUCTOR)}
    with_condition = {"vimesh_certificate_not_after_seconds", "vimesh_store_errors_total"}
    assert answer.kinds.keys() | with_condition == expected.keys()
    assert all(expected[name] == kind for name, kind in answer.kinds.items())


async def test_a_page_of_vims_does_not_hold_the_loop_up(tmp_path: Path) -> None:
    """Scrapes of both kinds, many at a time, beside calls: all are answered, or told that there is no room."""
    async with watched(tmp_path) as conductor:
        vim = await conductor.client.register()
        targets = ["/metrics", "/metrics/vims"] * 10
        answers, _ = await asyncio.gather(
            asyncio.gather(*map(conductor.scrape, targets)),
            asyncio.gather(*(conductor.client.report(vim, REACHABLE, number) for number in range(1, 50))),
        )

    assert {answer.status for answer in answers[::2]} == {200}
    assert {answer.status for answer in answers[1::2]} <= {200, 503}
