"""How the executor's host is set up, and what becomes of actions when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clouds.targets import fake_api
from tests.support.deployments.scripted_conductor import ScriptedConductor, bad_action, recorded, serving
from tests.support.mistral.mistrals import RunningMistral, running_mistral
from tests.support.mistral.workflows import Workflows
from tests.support.probers.actions import action, id_of


@pytest.fixture
def conductor() -> ScriptedConductor:
    made = ScriptedConductor()
    made.answer = lambda report: recorded(report, within_s=1)
    return made


def lines(mistral: RunningMistral, word: str) -> list[str]:
    return [line for line in mistral.log.read_text().splitlines() if word in line]


async def test_a_wrong_setting_is_one_line_in_the_log_and_the_text_of_a_failed_action(tmp_path: Path) -> None:
    async with fake_api() as api, running_mistral(tmp_path, {"VIMESH_ADDRESS": "conductors"}) as mistral:
        workflows = Workflows(mistral.url)
        execution = await workflows.run(action(api.url))
        await workflows.until(execution, ("ERROR", "ERROR"))

        says = "ping action cannot run: VIMESH_ADDRESS: must be host:port, not 'conductors'"
        assert await workflows.result(execution) == says
        assert len(lines(mistral, "vimesh.monitor")) == 1
        assert lines(mistral, "Traceback") == []


async def test_a_synchronous_action_keeps_its_thread_until_it_is_told_to_stop(
    tmp_path: Path, conductor: ScriptedConductor
) -> None:
    async with serving(conductor) as port, fake_api() as api:
        file = tmp_path / "vimesh.toml"
        file.write_text(f'address = "127.0.0.1:{port}"\n[action]\nmode = "sync"\n')
        async with running_mistral(tmp_path, {"VIMESH_CONFIG": str(file)}, pool=2) as mistral:
            workflows = Workflows(mistral.url)
            first = await workflows.run(action(api.url, vim_id=id_of("first")))
            await conductor.until(lambda: bool(conductor.reports))
            second = await workflows.run(action(api.url, vim_id=id_of("second")))
            await conductor.until(
                lambda: {report.vim_id for report in conductor.reports} == {id_of("first"), id_of("second")}
            )

            conductor.answer = bad_action
            for execution in (first, second):
                await workflows.until(execution, ("SUCCESS", "SUCCESS"))
                assert await workflows.result(execution) == "KILLED"
            assert lines(mistral, "Traceback") == []


async def test_an_executor_that_starts_again_does_not_take_up_what_mistral_still_calls_running(
    tmp_path: Path, conductor: ScriptedConductor
) -> None:
    async with serving(conductor) as port, fake_api() as api:
        environment = {"VIMESH_ADDRESS": f"127.0.0.1:{port}"}
        async with running_mistral(tmp_path, environment) as mistral:
            execution = await Workflows(mistral.url).run(action(api.url, vim_id=id_of("lost")))
            await conductor.until(lambda: bool(conductor.reports))
        async with running_mistral(tmp_path, environment) as mistral:
            workflows = Workflows(mistral.url)
            told = len(conductor.reports)
            await workflows.run(action(api.url, vim_id=id_of("other")))
            await conductor.until(lambda: len(conductor.reports) > told + 3)

            assert {report.vim_id for report in conductor.reports[told:]} == {id_of("other")}
            assert await workflows.states(execution) == ("RUNNING", "RUNNING")
