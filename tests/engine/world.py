"""A real Mistral, and a conductor that says which actions are wanted."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

from keystoneauth1.session import Session
from mistralclient.api import client

from tests.support.deployments.scripted_conductor import ScriptedConductor, bad_action, recorded
from tests.support.mistral.mistrals import RunningMistral
from tests.support.probers import actions
from vimesh.domain.actions import Action, workflow_name
from vimesh.engine.mistral_engine import MistralEngine
from vimesh.engine.workflow_engine import NotYet, Stop, Stopped
from vimesh.v1 import conductor_service_pb2 as pb

PATIENCE_S = 20
OUT_OF_PATIENCE = 1000
"""A number of attempts after which an action has had its time."""


REFUSES = "http://127.0.0.1:1/v3"


def action() -> Action:
    """Make up an action of a VIM of its own, whose verdict is there at once."""
    return actions.action(REFUSES, vim_id=str(uuid4()), action_id=str(uuid4()))


class World:
    def __init__(self, mistral: RunningMistral, conductor: ScriptedConductor) -> None:
        self.mistral = mistral
        self._conductor = conductor
        self._unwanted: set[str] = set()
        self._session = Session(timeout=20)
        self.client: Any = client.client(mistral_url=mistral.url, session=self._session, enforce_raw_definitions=True)
        """Mistral's own client, for looking at things and for what others do."""
        conductor.answer = self._answer

    def _answer(self, report: pb.UpdateVimRequest) -> pb.UpdateVimResponse:
        if report.action_id in self._unwanted:
            return bad_action(report)
        return recorded(report, within_s=0.2)

    def no_more(self, action: Action) -> None:
        """From now on its reports are answered `bad_action`."""
        self._unwanted.add(action.action_id)

    async def until_heard(self, action: Action) -> None:
        await self._conductor.until(
            lambda: any(report.action_id == action.action_id for report in self._conductor.reports)
        )

    def executions(self, vim_id: str) -> list[tuple[str, str]]:
        """Return ids and states."""
        found = self.client.executions.list(workflow_name=workflow_name(vim_id), sort_keys="id")
        return [(execution.id, execution.state) for execution in found]

    def has_workflow(self, vim_id: str) -> bool:
        return bool(self.client.workflows.list(name=workflow_name(vim_id)))

    def tasks(self, execution_id: str) -> list[str]:
        return [task.name for task in self.client.tasks.list(workflow_execution_id=execution_id)]

    def execute(self, vim_id: str, inputs: dict[str, object]) -> str:
        """Execute a workflow as somebody else would. Returns the execution's id."""
        made = self.client.executions.create(workflow_name(vim_id), workflow_input=json.loads(json.dumps(inputs)))
        return str(made.id)


def stop_of(action: Action, *, vim_gone: bool = True, attempt: int = 1) -> Stop:
    return Stop(action.vim_id, action.action_id, vim_gone, attempt)


async def stopped(engine: MistralEngine, stop: Stop) -> None:
    """Ask until nothing is left."""
    async with asyncio.timeout(PATIENCE_S):
        while isinstance(await engine.stop(stop), NotYet):  # noqa: ASYNC110 - Mistral tells nobody
            await asyncio.sleep(0.05)
    assert await engine.stop(stop) == Stopped()
