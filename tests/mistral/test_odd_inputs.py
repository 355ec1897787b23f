"""Workflows that people wrote: whatever they hand to the action fails that action, and no other of its executor."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.support.clouds.targets import FakeApi
from tests.support.deployments.scripted_conductor import ScriptedConductor, recorded, serving
from tests.support.mistral.executors import Executor
from tests.support.probers.actions import action

pytestmark = pytest.mark.asyncio(loop_scope="module")

_DEEP: object = [[[[[[[[]]]]]]]]
ODD: tuple[tuple[str, object], ...] = (
    ("probe_interval_s", 10**400),
    ("probe_interval_s", -1),
    ("probe_timeout_s", "x" * 10_000),
    ("fall", 1.5),
    ("observation", 2**64),
    ("fail_for_s", {"s": 10}),
    ("vim_id", {"id": 1}),
    ("vim_id", "vim\0"),
    ("action_id", [10**400]),
    ("auth_url", _DEEP),
    ("auth_url", "http://"),
    ("method", {"GET": 1}),
    ("tls_verify", "yes"),
)


async def fails(executor: Executor, api: FakeApi, name: str, value: object) -> None:
    odd = action(api.url, vim_id=str(uuid4()), action_id=str(uuid4()))
    failed = await executor.workflows.run(odd, **{name: value})
    await executor.workflows.until(failed, ("ERROR", "ERROR"), within_s=60)
    said = str(await executor.workflows.result(failed))
    assert said.startswith(f"ping action cannot run: {name}: "), (name, value, said)


@pytest.mark.timeout(120)
async def test_any_json_fails_its_action_alone_and_names_the_input(executor: Executor, api: FakeApi) -> None:
    conductor = ScriptedConductor()
    conductor.answer = lambda report: recorded(report, within_s=0.5)
    healthy = action(api.url, vim_id=str(uuid4()))
    async with serving(conductor, executor.port):
        execution = await executor.workflows.run(healthy)
        await conductor.until(lambda: bool(conductor.reports))

        await asyncio.gather(*(fails(executor, api, name, value) for name, value in ODD))

        told = len(conductor.reports)
        await conductor.until(lambda: len(conductor.reports) > told)
        assert await executor.workflows.states(execution) == ("RUNNING", "RUNNING")
    assert {report.vim_id for report in conductor.reports} == {healthy.vim_id}
    assert executor.lines("Traceback") == []
