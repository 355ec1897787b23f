"""Drives the workflow engine, next to the other work of the process."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import dataclass, field
from random import SystemRandom

import grpc
import structlog

from vimesh.api.api_process import Stopped
from vimesh.api.driver_statistics import DriverStatistics
from vimesh.api.workflows.run_task import TaskRunner
from vimesh.api.workflows.task_worker import TaskWorker, TaskWorkerLimits
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.mistral_engine import mistral_engine
from vimesh.tracing.spans import Tracer
from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceStub

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MistralDriver:
    mistral: MistralAccess
    limits: TaskWorkerLimits = field(default_factory=TaskWorkerLimits)
    statistics: DriverStatistics = field(default_factory=DriverStatistics)

    async def run(self, front: grpc.aio.Channel, stopped: Stopped, grace_s: float, tracer: Tracer | None) -> None:
        """Work until `stopped` returns. Waits for a front or a Mistral that is unavailable.

        Tasks in progress may take `grace_s` more. Another process claims the unfinished ones when their leases have
        ended.
        """
        async with mistral_engine(self.mistral, statistics=self.statistics.mistral) as engine:
            worker = TaskWorker(
                WorkflowServiceStub(front),
                TaskRunner(engine),
                claimant=f"{socket.gethostname()}:{os.getpid()}",
                random=SystemRandom(),
                clock=time.monotonic,
                limits=self.limits,
                statistics=self.statistics.tasks,
                tracer=tracer,
            )
            _log.info("driving Mistral", mistral=self.mistral.place)
            async with asyncio.TaskGroup() as parts:
                working = parts.create_task(worker.run())
                await stopped()
                worker.stop()
                await asyncio.wait({working}, timeout=grace_s)
                working.cancel()
