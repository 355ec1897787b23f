"""Serves WorkflowService: the tasks to carry out in a workflow engine."""

from __future__ import annotations

from typing import Any

import grpc

from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.vim_store import VimStore
from vimesh.v1 import workflow_service_pb2 as pb
from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceServicer
from vimesh.wire import answer_messages, request_messages
from vimesh.wire.wire_durations import seconds

_Context = grpc.aio.ServicerContext[Any, Any]
_LEASE_S = 60.0


class WorkflowsServicer(WorkflowServiceServicer):
    def __init__(self, store: VimStore) -> None:
        self._store = store

    async def ClaimWorkflowTasks(
        self, request: pb.ClaimWorkflowTasksRequest, context: _Context
    ) -> pb.ClaimWorkflowTasksResponse:
        lease_s = seconds(request.lease) if request.HasField("lease") else _LEASE_S
        todos = await self._store.claim_todos(request.claimant, request.max_tasks or 1, lease_s)
        return pb.ClaimWorkflowTasksResponse(tasks=[answer_messages.task_message(todo) for todo in todos])

    async def FinishWorkflowTask(
        self, request: pb.FinishWorkflowTaskRequest, context: _Context
    ) -> pb.FinishWorkflowTaskResponse:
        if request.error and request.HasField("retry_after"):
            raise BadInput(Violation("retry_after", "must be left out when there is an error"))
        await self._store.finish_todo(
            request_messages.id_of(request.task_id),
            request.claim_token,
            error=request.error,
            retry_after_s=seconds(request.retry_after) if request.HasField("retry_after") else None,
        )
        return pb.FinishWorkflowTaskResponse()
