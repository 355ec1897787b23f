"""The whole engine against a scripted conductor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from structlog.testing import capture_logs

from tests.support.clouds.targets import FakeApi
from tests.support.deployments.scripted_conductor import (
    REACHABLE,
    UNKNOWN,
    UNREACHABLE,
    ScriptedConductor,
    bad_action,
    recorded,
    serving,
)
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.probers.verdicts import PATIENCE_S
from vimesh.domain.probing import Method, Reason
from vimesh.monitor.host.reporting_host import reporting_host
from vimesh.monitor.monitor_process import MonitorSettings, run_monitor
from vimesh.monitor.reporting.reporter import ReporterLimits
from vimesh.target_rules.target_rules import TargetRules
from vimesh.v1 import action_pb2


@pytest.fixture
async def conductor() -> AsyncGenerator[ScriptedConductor]:
    made = ScriptedConductor()
    async with serving(made) as port, monitor(port):
        yield made


@asynccontextmanager
async def monitor(port: int) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as parts:
        running = parts.create_task(run_monitor(MonitorSettings(f"127.0.0.1:{port}", rules=LOOPBACK_RULES)))
        yield
        running.cancel()


def wanted(api: FakeApi, action_id: str) -> action_pb2.Action:
    action = action_pb2.Action(vim_id="vim", action_id=action_id, auth_url=api.url)
    action.probe_policy.interval.FromMilliseconds(500)
    action.probe_policy.timeout.FromMilliseconds(200)
    return action


async def test_a_vim_is_reported_up_and_down_and_up_again(conductor: ScriptedConductor, api: FakeApi) -> None:
    (await conductor.watch(0)).say(wanted=[wanted(api, "first")], revision=1)
    await conductor.until(lambda: len(conductor.reports) == 1)
    await api.refuse()
    await conductor.until(lambda: len(conductor.reports) == 2)
    await api.listen()
    await conductor.until(lambda: len(conductor.reports) == 3)

    up, down, back = conductor.reports
    assert [up.status, down.status, back.status] == [REACHABLE, UNREACHABLE, REACHABLE]
    assert up.observation < down.observation < back.observation
    assert {report.action_id for report in conductor.reports} == {"first"}
    assert down.reason == "REFUSED"
    assert up.HasField("round_trip")


async def test_a_bad_action_ends_its_probes_until_another_one_is_wanted(
    conductor: ScriptedConductor, api: FakeApi
) -> None:
    conductor.answer = bad_action
    watch = await conductor.watch(0)
    watch.say(wanted=[wanted(api, "first")], revision=1)
    await conductor.until(lambda: len(conductor.reports) == 1)

    conductor.answer = recorded
    watch.say(wanted=[wanted(api, "second")], revision=2)
    await conductor.until(lambda: len(conductor.reports) == 2)

    assert conductor.reports[1].action_id == "second"


async def test_conductors_that_go_away_end_no_probe_and_hear_what_happened_meanwhile(api: FakeApi) -> None:
    before, after = ScriptedConductor(), ScriptedConductor()
    with capture_logs() as logs:
        async with serving(before) as port, AsyncExitStack() as later:
            await later.enter_async_context(monitor(port))
            (await before.watch(0)).say(wanted=[wanted(api, "first")], revision=1)
            await before.until(lambda: len(before.reports) == 1)
            later_on = later.pop_all()
        async with later_on:
            asked = len(api.requests)
            await api.asked(asked + 1)
            await api.refuse()
            async with serving(after, port):
                await after.until(lambda: any(report.status == UNREACHABLE for report in after.reports))
                assert (await after.watch(0)).request.start_revision == 2

    events = [(line["event"], line.get("calls")) for line in logs]
    assert events.count(("monitor started", None)) == 1
    assert events.count(("conductors lost: probing goes on", "watch")) == 1


async def test_no_verdict_is_repeated_when_rounds_do_not_end_any_more(api: FakeApi) -> None:
    conductor = ScriptedConductor()
    conductor.answer = lambda report: recorded(report, within_s=0.5)
    async with (
        serving(conductor) as port,
        reporting_host(f"127.0.0.1:{port}", ReporterLimits(), LOOPBACK_RULES) as running,
        asyncio.TaskGroup() as parts,
    ):
        reporting = parts.create_task(running.reporter.run())
        running.start(action(api.url, quick_policy(interval_s=60)))
        await conductor.until(lambda: bool(conductor.reports))
        (target,) = running.host._targets.values()
        target.ended_at -= 3600

        await conductor.until(lambda: conductor.reports[-1].status == UNKNOWN)
        reporting.cancel()

    assert conductor.reports[0].status == REACHABLE
    assert conductor.reports[-1].reason == Reason.LOCAL_STUCK


async def test_the_front_itself_is_not_probed() -> None:
    async with reporting_host("203.0.113.7:9", ReporterLimits(), TargetRules()) as running:
        running.start(action("http://203.0.113.7/", quick_policy(Method.TCP)))
        async with asyncio.timeout(PATIENCE_S):
            await running.ledger.news.wait()

        (report,) = running.ledger.take_batch(time.monotonic(), 1, lambda _vim_id, _action_id: None)

    assert report.verdict.reason == Reason.LOCAL_DENIED
    assert report.verdict.detail.startswith("the fleet's own addresses")


async def test_the_start_is_logged_with_what_it_can_do(conductor: ScriptedConductor) -> None:
    with capture_logs() as logs:
        async with monitor(1):
            await conductor.watch(0)

    assert logs[0]["event"] == "monitor started"
    assert (logs[0]["address"], logs[0]["capacity"]) == ("127.0.0.1:1", 1)
    assert {"HTTP", "TCP"} <= set(logs[0]["methods"])
