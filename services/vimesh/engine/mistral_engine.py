"""Runs ping actions as Mistral workflows."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import structlog
from mistralclient.api.v2.client import Client

from vimesh.domain.actions import Action, workflow_name
from vimesh.engine.engine_errors import EngineRefused
from vimesh.engine.executions import Execution, id_of, our_execution
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.mistral_calls import MistralCalls, mistral_calls
from vimesh.engine.mistral_listing import PAGE, MistralListing
from vimesh.engine.mistral_statistics import MistralStatistics
from vimesh.engine.stop_pauses import pause_after
from vimesh.engine.workflow import PingInput, defines_ping, definition
from vimesh.engine.workflow_engine import NotYet, Stop, Stopped

_log = structlog.get_logger()

_NOT_FOUND, _CONFLICT = 404, 409


class MistralEngine:
    """Gives each execution the id of its action, so that Mistral itself prevents a second one."""

    def __init__(self, calls: MistralCalls, listing: MistralListing) -> None:
        self._calls = calls
        self.listing = listing

    async def start(self, action: Action) -> None:
        ping_input = PingInput.of(action)
        await self._define(action.vim_id, definition(action.vim_id, ping_input.inputs()))
        execution = await self._execute(ping_input)
        if not execution.has_ended:
            return
        _log.warning("execution had ended, starting it anew", vim_id=action.vim_id, why=_end_of(execution))
        await self._delete(execution)
        execution = await self._execute(ping_input)
        if execution.has_ended:
            raise EngineRefused(_CONFLICT, f"the execution ended at once: {_end_of(execution)}")

    async def _define(self, vim_id: str, text: str) -> None:
        try:
            await self._calls.call("create_workflow", lambda mistral: mistral.workflows.create(text))
        except EngineRefused as refused:
            if refused.code != _CONFLICT:
                raise
            # The workflow exists. If it was made for other inputs, or by another version of vimesh, update it.
            if await self._definition_of(vim_id) != text:
                await self._calls.call("update_workflow", lambda mistral: mistral.workflows.update(text))

    async def _definition_of(self, vim_id: str) -> str | None:
        try:
            workflow = await self._calls.call(
                "get_workflow", lambda mistral: mistral.workflows.get(workflow_name(vim_id)).to_dict()
            )
        except EngineRefused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise
        return str(workflow.get("definition"))

    async def _execute(self, ping_input: PingInput) -> Execution:
        """Start the execution, unless it already exists. Return it in its current state."""
        body = json.dumps(
            {
                "id": ping_input.action_id,
                "workflow_name": workflow_name(ping_input.vim_id),
                "input": json.dumps(ping_input.execution_input()),
                "description": f"ping action of VIM {ping_input.vim_id}",
            }
        )

        def post(mistral: Client) -> dict[str, object]:
            # `executions.create` cannot set the id.
            answer: dict[str, object] = mistral.executions.http_client.post("/executions", body).json()
            id_of(answer)
            return answer

        execution = our_execution(await self._calls.call("create_execution", post))
        if execution is None:
            raise EngineRefused(_CONFLICT, f"execution {ping_input.action_id} is somebody else's")
        return execution

    async def stop(self, stop: Stop) -> Stopped | NotYet:
        executions = await self.listing.executions_of(stop.vim_id)
        unwanted = [execution for execution in executions if stop.vim_gone or execution.action_id == stop.action_id]
        pause_s = pause_after(stop)
        if pause_s is not None and not all(execution.has_ended for execution in unwanted):
            # Deleting the rows does not stop an action. It exits when it learns that it is not wanted, and should then
            # still have rows in which to record that.
            return NotYet(pause_s)
        for execution in unwanted:
            await self._delete(execution)
        if stop.vim_gone:
            await self._delete_workflow(stop.vim_id)
        return Stopped()

    async def _delete(self, execution: Execution) -> None:
        if not execution.has_ended:
            _log.info("action did not exit in time, deleting its execution", vim_id=execution.vim_id)
        await self._ensure_deleted(
            "delete_execution", lambda mistral: mistral.executions.delete(execution.id, force=not execution.has_ended)
        )

    async def _delete_workflow(self, vim_id: str) -> None:
        if defines_ping(await self._definition_of(vim_id) or ""):
            await self._ensure_deleted(
                "delete_workflow", lambda mistral: mistral.workflows.delete(workflow_name(vim_id))
            )

    async def _ensure_deleted(self, name: str, delete: Callable[[Client], object]) -> None:
        try:
            await self._calls.call(name, delete)
        except EngineRefused as refused:
            if refused.code != _NOT_FOUND:
                raise


def _end_of(execution: Execution) -> str:
    return f"{execution.state} {execution.state_info}".strip()


@asynccontextmanager
async def mistral_engine(
    access: MistralAccess, *, page: int = PAGE, statistics: MistralStatistics | None = None
) -> AsyncGenerator[MistralEngine]:
    """Open an engine. Does not raise if Mistral is away: it may be reachable later."""
    async with mistral_calls(access, statistics) as calls:
        yield MistralEngine(calls, MistralListing(calls, page=page))
