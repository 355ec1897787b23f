"""The life of a ping action in a real Mistral, with the old and new of its surroundings coming and going."""

from __future__ import annotations

import pytest

from tests.support.clouds.targets import FakeApi
from tests.support.deployments.scripted_conductor import (
    REACHABLE,
    UNREACHABLE,
    Answer,
    ScriptedConductor,
    bad_action,
    recorded,
    serving,
)
from tests.support.mistral.executors import Executor
from tests.support.probers.actions import action, id_of
from tests.support.timing.waiting import until
from vimesh.v1 import conductor_service_pb2 as pb

pytestmark = pytest.mark.asyncio(loop_scope="module")

RUNNING = ("RUNNING", "RUNNING")
SUCCESS = ("SUCCESS", "SUCCESS")
_PATIENCE_S = 15


def often(report: pb.UpdateVimRequest) -> pb.UpdateVimResponse:
    """Ask to come back soon, so that a test needs not wait for the end of an action."""
    return recorded(report, within_s=1)


def only(action_id: str) -> Answer:
    return lambda report: often(report) if report.action_id == action_id else bad_action(report)


@pytest.fixture
def conductor() -> ScriptedConductor:
    made = ScriptedConductor()
    made.answer = often
    return made


async def test_an_action_reports_until_it_hears_bad_action_and_then_its_workflow_succeeds(
    executor: Executor, conductor: ScriptedConductor, api: FakeApi
) -> None:
    async with serving(conductor, executor.port):
        execution = await executor.workflows.run(action(api.url, vim_id=id_of("plain"), action_id="wanted"))
        await conductor.until(lambda: len(conductor.reports) > 1)
        assert await executor.workflows.states(execution) == RUNNING

        conductor.answer = bad_action
        await executor.workflows.until(execution, SUCCESS)

    assert {(report.vim_id, report.action_id, report.status) for report in conductor.reports} == {
        (id_of("plain"), "wanted", REACHABLE)
    }
    assert await executor.workflows.result(execution) == "KILLED"
    assert executor.lines("Traceback") == []
    assert len(executor.lines("action ended: bad_action", id_of("plain"))) == 1


async def test_conductors_that_are_away_end_nothing_and_hear_what_happened_meanwhile(
    executor: Executor, api: FakeApi
) -> None:
    before, after = ScriptedConductor(), ScriptedConductor()
    before.answer = often
    async with serving(before, executor.port):
        execution = await executor.workflows.run(action(api.url, vim_id=id_of("alone")))
        await before.until(lambda: bool(before.reports))
    await api.refuse()
    await until(lambda: bool(executor.lines("conductors lost: probing goes on")), _PATIENCE_S)
    assert await executor.workflows.states(execution) == RUNNING

    async with serving(after, executor.port):
        await after.until(lambda: any(report.status == UNREACHABLE for report in after.reports))
        after.answer = bad_action
        await api.listen()
        await executor.workflows.until(execution, SUCCESS)


async def test_an_action_whose_rows_are_deleted_goes_on_until_it_is_told_to_stop(
    executor: Executor, conductor: ScriptedConductor, api: FakeApi
) -> None:
    async with serving(conductor, executor.port):
        execution = await executor.workflows.run(action(api.url, vim_id=id_of("deleted")))
        await conductor.until(lambda: bool(conductor.reports))
        await executor.workflows.delete(execution)
        assert not await executor.workflows.exists(execution)

        told = len(conductor.reports)
        await conductor.until(lambda: len(conductor.reports) > told + 1)
        conductor.answer = bad_action
        await until(lambda: bool(executor.lines("action ended: bad_action", id_of("deleted"))), _PATIENCE_S)
    assert executor.lines("ERROR", "vimesh") == []
    assert executor.lines("Caught a messaging remote error") == []


async def test_a_newer_action_of_a_vim_runs_beside_the_old_one_until_that_hears_bad_action(
    executor: Executor, conductor: ScriptedConductor, api: FakeApi
) -> None:
    async with serving(conductor, executor.port):
        old = await executor.workflows.run(action(api.url, vim_id=id_of("twice"), action_id="old"))
        await conductor.until(lambda: bool(conductor.reports))
        new = await executor.workflows.run_again(action(api.url, vim_id=id_of("twice"), action_id="new"))
        await conductor.until(lambda: {report.action_id for report in conductor.calls[-1]} == {"new"})
        assert await executor.workflows.states(old) == RUNNING

        conductor.answer = only("new")
        await executor.workflows.until(old, SUCCESS)
        assert await executor.workflows.states(new) == RUNNING
        told = len(conductor.reports)
        await conductor.until(lambda: len(conductor.reports) > told + 1)
        assert {report.action_id for report in conductor.reports[told:]} == {"new"}

        conductor.answer = bad_action
        await executor.workflows.until(new, SUCCESS)


async def test_an_action_that_is_executed_twice_runs_once_and_ends_both_executions(
    executor: Executor, conductor: ScriptedConductor, api: FakeApi
) -> None:
    async with serving(conductor, executor.port):
        first = await executor.workflows.run(action(api.url, vim_id=id_of("repeated")))
        await conductor.until(lambda: bool(conductor.reports))
        second = await executor.workflows.run_again(action(api.url, vim_id=id_of("repeated")))
        await executor.workflows.until(second, RUNNING)

        conductor.answer = bad_action
        await executor.workflows.until(first, SUCCESS)
        await executor.workflows.until(second, SUCCESS)

    assert len(executor.lines("action ended: bad_action", id_of("repeated"))) == 1


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("old-style", {"action_id": None}, "no action_id: the workflow was not made by this version of vimesh"),
        ("new-method", {"method": "ARP"}, "method: must be one of PING, TCP, HTTP, not 'ARP'"),
        ("bad-url", {"auth_url": "ftp://10.0.0.1"}, "auth_url: must start with http:// or https://"),
        ("bad-number", {"probe_interval_s": 0}, "probe_interval_s: must be a number from 0.5 to 3600, not 0"),
    ],
)
async def test_an_order_that_cannot_be_followed_fails_at_once_and_says_why(
    executor: Executor, api: FakeApi, name: str, wrong: dict[str, object], says: str
) -> None:
    execution = await executor.workflows.run(action(api.url, vim_id=id_of(name)), **wrong)
    await executor.workflows.until(execution, ("ERROR", "ERROR"))

    assert says in str(await executor.workflows.result(execution))
    (line,) = executor.lines("vimesh.monitor", id_of(name))
    assert says in line
