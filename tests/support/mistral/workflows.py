"""Drives VIMs' workflows in a real Mistral by its own client: what the engine does, one step at a time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mistralclient.api import client
from mistralclient.api.base import APIException

from vimesh.domain.actions import Action, workflow_name
from vimesh.engine.workflow import INPUT, PingInput, definition

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Execution:
    """One execution of a VIM's workflow."""

    id: str
    vim_id: str


class Workflows:
    """Mistral, as tests use it. Every call blocks in a thread of its own, and has a client of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def run(self, action: Action, **overrides: object) -> Execution:
        """Create the VIM's workflow and execute it; `overrides` change single inputs."""
        return await asyncio.to_thread(self.run_now, action.vim_id, PingInput.of(action).inputs() | overrides)

    def run_now(self, vim_id: str, inputs: Mapping[str, object]) -> Execution:
        mistral = self._client()
        mistral.workflows.create(definition(vim_id, inputs))
        return self._execute(mistral, vim_id, inputs)

    async def run_again(self, action: Action) -> Execution:
        """Execute the existing workflow of the VIM."""
        inputs = PingInput.of(action).inputs()
        return await asyncio.to_thread(self._execute, self._client(), action.vim_id, inputs)

    async def states(self, execution: Execution) -> tuple[str, str]:
        """Return the states of the workflow and of the action."""
        return await asyncio.to_thread(self._states, execution)

    async def until(self, execution: Execution, states: tuple[str, str], *, within_s: float = 20) -> None:
        """Wait until the workflow and the action have these states. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while (found := await self.states(execution)) != states:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found}, not {states}")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def result(self, execution: Execution) -> object:
        """Return the final output of the action."""
        return await asyncio.to_thread(self._result, execution)

    async def delete(self, execution: Execution) -> None:
        """Delete the execution, even if it is running, and the workflow."""
        await asyncio.to_thread(self._delete, execution)

    async def exists(self, execution: Execution) -> bool:
        return await asyncio.to_thread(self._exists, execution)

    def _client(self) -> Any:  # noqa: ANN401 - mistralclient ships no types
        return client.client(mistral_url=self._url, enforce_raw_definitions=True)

    def _execute(self, mistral: Any, vim_id: str, inputs: object) -> Execution:  # noqa: ANN401 - see _client
        made = mistral.executions.create(wf_identifier=workflow_name(vim_id), workflow_input={INPUT: inputs})
        return Execution(made.id, vim_id)

    def _action(self, execution: Execution) -> Any:  # noqa: ANN401 - see _client
        mistral = self._client()
        (task,) = mistral.tasks.list(workflow_execution_id=execution.id)
        (action,) = mistral.action_executions.list(task_execution_id=task.id)
        return mistral.action_executions.get(action.id)

    def _states(self, execution: Execution) -> tuple[str, str]:
        workflow = self._client().executions.get(execution.id)
        try:
            return workflow.state, self._action(execution).state
        except ValueError:
            return workflow.state, "NONE"

    def _result(self, execution: Execution) -> object:
        return json.loads(self._action(execution).output)["result"]

    def _delete(self, execution: Execution) -> None:
        mistral = self._client()
        mistral.executions.delete(execution.id, force=True)
        mistral.workflows.delete(workflow_name(execution.vim_id))

    def _exists(self, execution: Execution) -> bool:
        try:
            self._client().executions.get(execution.id)
        except APIException as error:
            if error.error_code == 404:
                return False
            raise
        return True
