"""A monitor as a process of its own, and what Prometheus reads of it while things happen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest

from tests.support.callers.running import running
from tests.support.clouds.targets import FakeApi
from tests.support.deployments.scripted_conductor import ScriptedConductor, Watch, bad_action, recorded, serving
from tests.support.scraping.metrics_of import MetricsOf
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.metric_catalogue import entries_of
from vimesh.v1 import action_pb2, vim_pb2

Method = vim_pb2.ProbePolicy.Method

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def conductor() -> ScriptedConductor:
    conductor = ScriptedConductor()
    conductor.answer = lambda report: recorded(report, within_s=0.5)
    return conductor


@pytest.fixture
async def metrics(conductor: ScriptedConductor, tmp_path: Path) -> AsyncGenerator[MetricsOf]:
    path = tmp_path / "metrics.sock"
    references = ("--reference", "127.0.0.3", "--reference", "127.0.0.4")
    words = ("monitor", "--metrics", f"unix:{path}", "--probe-allow", "127.0.0.0/8", *references)
    async with serving(conductor) as port:
        with running(tmp_path, *words, "--address", f"127.0.0.1:{port}") as monitor:
            await asyncio.to_thread(monitor.line_with, "monitor started")
            yield MetricsOf(path)


def wanted(
    auth_url: str,
    *,
    vim_id: str = "vim",
    action_id: str = "action",
    method: Method.ValueType = vim_pb2.ProbePolicy.HTTP,
) -> action_pb2.Action:
    action = action_pb2.Action(vim_id=vim_id, action_id=action_id, auth_url=auth_url)
    action.probe_policy.method = method
    # What answers HTTP runs in the loop of the test, which a busy machine may hold up; the kernel answers pings.
    is_ping = method == vim_pb2.ProbePolicy.PING
    action.probe_policy.interval.FromMilliseconds(500 if is_ping else 3000)
    action.probe_policy.timeout.FromMilliseconds(400 if is_ping else 2500)
    return action


async def test_everything_that_the_catalogue_lists_is_exposed(
    conductor: ScriptedConductor, metrics: MetricsOf, api: FakeApi
) -> None:
    await api.refuse()
    (await conductor.watch(0)).say(wanted=[wanted(api.url)], revision=1)

    scraped = await metrics.until(
        lambda scraped: scraped.value("vimesh_probe_failures_total") > 0 and "vimesh_reference_up" in scraped.names
    )

    listed = {entry.name for entry in entries_of(Component.MONITOR)}
    assert listed - scraped.names == {"vimesh_certificate_not_after_seconds"}


async def test_probes_count_by_method_and_failures_by_reason(
    conductor: ScriptedConductor, metrics: MetricsOf, api: FakeApi
) -> None:
    watch = await conductor.watch(0)
    watch.say(
        wanted=[
            wanted(api.url),
            wanted(api.url, vim_id="twin"),
            wanted("http://127.0.0.1", vim_id="pinged", method=vim_pb2.ProbePolicy.PING),
            wanted("http://vim.invalid", vim_id="named"),
        ],
        revision=1,
    )
    scraped = await metrics.until(
        lambda scraped: (
            scraped.value("vimesh_verdicts_total", status="REACHABLE") >= 3
            and scraped.value("vimesh_lookups_total") > 0
        )
    )
    assert scraped.value("vimesh_front_connected") == 1
    assert scraped.value("vimesh_monitor_actions") == 4
    assert scraped.value("vimesh_monitor_targets") == 3
    assert scraped.value("vimesh_vims_quarantined") == 0
    assert not scraped.value("vimesh_probe_failures_total", method="HTTP", reason="REFUSED")
    assert scraped.value("vimesh_probe_round_trip_seconds_count", method="HTTP") >= 1

    # Pings of a steady VIM go out in volleys, which are counted and timed elsewhere.
    # On a busy machine more than one of those that were sent may not have been looked at yet.
    steady = await metrics.until(
        lambda scraped: (
            scraped.value("vimesh_probes_total", method="PING") >= 4
            and scraped.value("vimesh_probe_round_trip_seconds_count", method="PING") >= 3
        )
    )
    assert steady.value("vimesh_probe_rounds_total") >= 4

    await api.refuse()
    scraped = await metrics.until(lambda scraped: scraped.value("vimesh_verdicts_total", status="UNREACHABLE") >= 2)
    assert scraped.value("vimesh_probe_failures_total", method="HTTP", reason="REFUSED") >= 1
    assert scraped.value("vimesh_probe_failures_total", method="HTTP") >= 3
    assert scraped.value("vimesh_probes_total", method="HTTP") >= 4


async def test_reports_count_by_what_became_of_them(
    conductor: ScriptedConductor, metrics: MetricsOf, api: FakeApi
) -> None:
    watch = await conductor.watch(0)
    watch.say(wanted=[wanted(api.url)], revision=1)
    await metrics.until(lambda scraped: scraped.value("vimesh_report_batches_total", result="ok") >= 2)

    conductor.refusal = grpc.StatusCode.UNAVAILABLE
    late = await metrics.until(
        lambda scraped: (
            scraped.value("vimesh_report_batches_total", result="unavailable") >= 2
            and scraped.value("vimesh_report_oldest_age_seconds") > 0.2
        )
    )
    assert late.value("vimesh_reports_queued") == 1

    conductor.refusal = None
    conductor.answer = bad_action
    ended = await metrics.until(lambda scraped: scraped.value("vimesh_bad_actions_total") == 1)
    assert ended.value("vimesh_monitor_actions") == 0
    assert ended.value("vimesh_reports_queued") == ended.value("vimesh_report_oldest_age_seconds") == 0


async def test_a_front_that_is_lost_is_seen_and_so_is_its_return(
    conductor: ScriptedConductor, metrics: MetricsOf
) -> None:
    watch: Watch = await conductor.watch(0)
    watch.say(revision=1)
    await metrics.until(lambda scraped: scraped.value("vimesh_front_connected") == 1)

    watch.end(grpc.StatusCode.UNAVAILABLE)
    await metrics.until(lambda scraped: scraped.value("vimesh_front_connected") == 0)

    (await conductor.watch(1)).say(revision=2)
    await metrics.until(lambda scraped: scraped.value("vimesh_front_connected") == 1)
