"""Claims tasks for the workflow engine, carries them out and reports their results."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import grpc
import structlog

from vimesh.api.workflows.run_task import TaskRunner
from vimesh.api.workflows.task_statistics import TaskResult, TaskStatistics
from vimesh.domain.errors import BadSetting
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.tracing.current_request import current_request_id, enter_request, new_request_id, request_metadata
from vimesh.tracing.spans import Tracer, entered, is_sampled
from vimesh.v1 import workflow_service_pb2 as pb
from vimesh.wire.wire_durations import duration

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceAsyncStub

_log = structlog.get_logger()

Clock = Callable[[], float]

_RETRYABLE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


@dataclass(frozen=True, slots=True)
class TaskWorkerLimits:
    tasks: int = 16
    """Maximum number of tasks in progress at a time."""
    lease_s: float = 60.0
    work_s: float = 40.0
    """A task that takes longer is given back. The rest of the lease covers the last call and the answer."""
    idle_s: float = 1.0
    """Pause before the next claim if there were no tasks, varied at random from 0.5 to 1.5 times this value."""
    call_timeout_s: float = 10.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.work_s < self.lease_s:
            raise BadSetting("lease", "must be longer than a task may take")


class TaskWorker:
    """Works on claimed tasks. Any number of workers may run: a task belongs to its claimant until the lease ends.

    A worker keeps no state: if it dies, another one claims its tasks again.
    """

    def __init__(  # noqa: PLR0913 - all collaborators are passed in here
        self,
        stub: WorkflowServiceAsyncStub,
        runner: TaskRunner,
        *,
        claimant: str,
        random: Random,
        clock: Clock,
        limits: TaskWorkerLimits | None = None,
        statistics: TaskStatistics | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._stub = stub
        self._runner = runner
        self._claimant = claimant
        self._random = random
        self._clock = clock
        self._limits = limits or TaskWorkerLimits()
        self._statistics = statistics or TaskStatistics()
        self._tracer = tracer
        self._outage_log = OutageLog("front", "tasks", meanwhile="claimed tasks go on")
        self._under_way = 0
        self._task_ended = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Claim no more tasks; `run` returns when the tasks in progress are done."""
        self._stopping.set()
        self._task_ended.set()

    async def run(self) -> None:
        """Work until stopped. Retries while the front is unavailable."""
        backoff = self._backoff()
        async with asyncio.TaskGroup() as work:
            while await self._wait_for_slots():
                claimed_at = self._clock()
                tasks = await self._claim()
                for task in tasks or ():
                    self._under_way += 1
                    work.create_task(self._work_on(task, claimed_at))
                if tasks is None:
                    await self._pause(backoff.pause_s())
                    continue
                backoff.reset()
                if not tasks:
                    # Random, so that processes take turns.
                    await self._pause(self._limits.idle_s * self._random.uniform(0.5, 1.5))

    async def _wait_for_slots(self) -> bool:
        """Wait until at least half of the slots are free. Returns False if stopped."""
        while self._under_way > self._limits.tasks // 2 and not self._stopping.is_set():
            self._task_ended.clear()
            await self._task_ended.wait()
        return not self._stopping.is_set()

    async def _claim(self) -> Sequence[pb.WorkflowTask] | None:
        """Claim tasks for the free slots; return None if the call fails."""
        request = pb.ClaimWorkflowTasksRequest(
            claimant=self._claimant,
            max_tasks=self._limits.tasks - self._under_way,
            lease=duration(self._limits.lease_s),
        )
        try:
            response = await self._stub.ClaimWorkflowTasks(request, timeout=self._limits.call_timeout_s)
        except grpc.aio.AioRpcError as error:
            self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
            return None
        self._outage_log.note_success()
        return response.tasks

    async def _work_on(self, task: pb.WorkflowTask, claimed_at: float) -> None:
        enter_request(new_request_id())
        left_s = claimed_at + self._limits.lease_s - self._clock()
        result = TaskResult.FAILED
        try:
            # When the lease ends, another worker may claim the task, and this one must not interfere.
            async with asyncio.timeout(left_s):
                with self._span(task):
                    request = await self._run_in_time(task)
                    is_taken = await self._finish(request)
                result = _result_of(request) if is_taken else TaskResult.NOT_TAKEN
        except TimeoutError:
            result = TaskResult.EXPIRED
            _log.warning("task left undone: it can be claimed again", task_id=task.task_id, vim_id=task.action.vim_id)
        except Exception:  # noqa: BLE001 - the supervisor of a task is where faults stop
            _log.exception("defect", task_id=task.task_id, vim_id=task.action.vim_id)
        finally:
            self._statistics.count(_kind_of(task), result)
            self._under_way -= 1
            self._task_ended.set()

    def _span(self, task: pb.WorkflowTask) -> AbstractContextManager[None]:
        """Trace the task if the call that caused it was."""
        if self._tracer is None or not is_sampled(task.traceparent):
            return nullcontext()
        name = f"workflow {pb.WorkflowTask.Kind.Name(task.kind)}"
        return entered(self._tracer.join(task.traceparent, name, current_request_id()))

    async def _run_in_time(self, task: pb.WorkflowTask) -> pb.FinishWorkflowTaskRequest:
        try:
            async with asyncio.timeout(self._limits.work_s):
                return await self._runner.run(task)
        except TimeoutError:
            return pb.FinishWorkflowTaskRequest(
                task_id=task.task_id,
                claim_token=task.claim_token,
                error=f"not finished within {self._limits.work_s:g} s: Mistral is slow",
            )

    async def _finish(self, request: pb.FinishWorkflowTaskRequest) -> bool:
        """Send the answer about a task, and retry while the front or the conductors are unavailable.

        Return whether the conductors took it.
        """
        backoff = self._backoff()
        while True:
            try:
                await self._stub.FinishWorkflowTask(
                    request, timeout=self._limits.call_timeout_s, metadata=request_metadata()
                )
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    return False  # another worker has the task
                if error.code() not in _RETRYABLE:
                    _log.error("the result of a task was refused", task_id=request.task_id, why=error.details())
                    return False
                self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
                await asyncio.sleep(backoff.pause_s())
            else:
                self._outage_log.note_success()
                return True

    def _backoff(self) -> Backoff:
        limits = self._limits
        return Backoff(first_s=limits.first_pause_s, longest_s=limits.longest_pause_s, random=self._random)

    async def _pause(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()


def _kind_of(task: pb.WorkflowTask) -> str:
    # A conductor of a newer version may know further kinds.
    known = task.kind in pb.WorkflowTask.Kind.values()
    return pb.WorkflowTask.Kind.Name(task.kind).lower() if known else "other"


def _result_of(request: pb.FinishWorkflowTaskRequest) -> TaskResult:
    if request.error:
        return TaskResult.FAILED
    return TaskResult.POSTPONED if request.HasField("retry_after") else TaskResult.DONE
