"""A conductor whose VIMs run in Mistral, and one that hands out whatever a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc

from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.engines import Engines
from vimesh.domain.vims import Engine
from vimesh.v1 import action_pb2, workflow_service_pb2_grpc
from vimesh.v1 import workflow_service_pb2 as pb

PATIENCE_S = 20
Context = grpc.aio.ServicerContext[object, object]

OF_MISTRAL = ConductorSettings(contact_within_s=0.5, engines=Engines(Engine.MISTRAL), drain_s=0, grace_s=1)


def start_task() -> pb.WorkflowTask:
    action = action_pb2.Action(vim_id=str(uuid4()), action_id=str(uuid4()), auth_url="http://127.0.0.1:1/v3")
    return pb.WorkflowTask(
        task_id=str(uuid4()), claim_token=str(uuid4()), kind=pb.WorkflowTask.START, action=action, attempt=1
    )


class TaskList(workflow_service_pb2_grpc.WorkflowServiceServicer):
    """Hands out tasks once, and keeps what is said about them."""

    def __init__(self) -> None:
        self.tasks: list[pb.WorkflowTask] = []
        self.claims: list[pb.ClaimWorkflowTasksRequest] = []
        self.finished: list[pb.FinishWorkflowTaskRequest] = []
        self.refusals: list[grpc.StatusCode] = []
        """What the next calls are refused with."""
        self._news = asyncio.Event()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._news.clear()
                await self._news.wait()

    async def _refuse(self, context: Context) -> None:
        self._news.set()
        if self.refusals:
            await context.abort(self.refusals.pop(0), "as the test wants")

    async def ClaimWorkflowTasks(  # noqa: N802 - the name of the RPC
        self, request: pb.ClaimWorkflowTasksRequest, context: Context
    ) -> pb.ClaimWorkflowTasksResponse:
        self.claims.append(request)
        await self._refuse(context)
        given, self.tasks = self.tasks[: request.max_tasks], self.tasks[request.max_tasks :]
        return pb.ClaimWorkflowTasksResponse(tasks=given)

    async def FinishWorkflowTask(  # noqa: N802 - the name of the RPC
        self, request: pb.FinishWorkflowTaskRequest, context: Context
    ) -> pb.FinishWorkflowTaskResponse:
        await self._refuse(context)
        self.finished.append(request)
        return pb.FinishWorkflowTaskResponse()


@asynccontextmanager
async def serving(tasks: TaskList) -> AsyncGenerator[str]:
    """Give the address."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    workflow_service_pb2_grpc.add_WorkflowServiceServicer_to_server(tasks, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
