"""Repairs the findings of the audit, with the same engine calls as the task worker. Safe while api processes run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import grpc

from vimesh.api.audit.compare_workflows import Assignee, Finding
from vimesh.api.audit.workflow_inventory import InventoryClient
from vimesh.domain.actions import Action
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.engine.engine_errors import EngineError
from vimesh.engine.workflow_engine import NotYet, Stop, WorkflowEngine
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

DONE = "done"

_AT_ONCE = 16


class Repair:
    def __init__(
        self,
        client: InventoryClient,
        engine: WorkflowEngine,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._engine = engine
        self._sleep = sleep

    async def repair(self, findings: Sequence[Finding]) -> list[str]:
        """Repair the findings; return DONE or the reason for no change, for each. Actions may take a while to exit."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(finding: Finding) -> str:
            async with slots:
                return await self._repair_one(finding)

        async with asyncio.TaskGroup() as repairs:
            tasks = [repairs.create_task(one(finding)) for finding in findings]
        return [task.result() for task in tasks]

    async def _repair_one(self, finding: Finding) -> str:
        if isinstance(finding.remedy, Assignee):
            return finding.remedy
        if not await self._still_applies(finding.remedy):
            return "settled meanwhile"
        try:
            if isinstance(finding.remedy, Action):
                await self._engine.start(finding.remedy)
            else:
                await self._stop(finding.remedy)
        except (EngineError, AuthUrlInvalid) as error:
            return str(error)
        return DONE

    async def _still_applies(self, remedy: Action | Stop) -> bool:
        """Check again, because an api process may have been faster, or the VIM may have been modified."""
        try:
            answer = await self._client.vims.GetVim(
                pb.GetVimRequest(vim_id=remedy.vim_id), timeout=self._client.timeout_s
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return isinstance(remedy, Stop)
        monitor = answer.vim.monitor
        in_mistral = monitor.engine == vim_pb2.Monitor.MISTRAL
        if isinstance(remedy, Stop) and remedy.vim_gone:
            return not in_mistral
        return in_mistral and (monitor.action_id == remedy.action_id) is isinstance(remedy, Action)

    async def _stop(self, stop: Stop) -> None:
        # The loop ends, because the number of attempts is limited: see engine/stop_pauses.py.
        while isinstance(outcome := await self._engine.stop(stop), NotYet):
            await self._sleep(outcome.retry_after_s)
            stop = replace(stop, attempt=stop.attempt + 1)
