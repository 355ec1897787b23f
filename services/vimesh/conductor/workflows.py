"""WorkflowService: what is to be done in a workflow engine."""

from __future__ import annotations

from typing import Any

import grpc

from vimesh.domain.errors import TodoNotFound
from vimesh.v1 import workflow_service_pb2 as pb
from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceServicer

_Context = grpc.aio.ServicerContext[Any, Any]


class WorkflowsServicer(WorkflowServiceServicer):
    """Answers as long as no engine with workflows is served: nothing is to be done, so no task exists."""

    async def ClaimWorkflowTasks(
        self, request: pb.ClaimWorkflowTasksRequest, context: _Context
    ) -> pb.ClaimWorkflowTasksResponse:
        return pb.ClaimWorkflowTasksResponse()

    async def FinishWorkflowTask(
        self, request: pb.FinishWorkflowTaskRequest, context: _Context
    ) -> pb.FinishWorkflowTaskResponse:
        raise TodoNotFound(request.task_id)
