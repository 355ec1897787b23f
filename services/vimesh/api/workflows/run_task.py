"""Carries out one task in the engine, and builds the answer about it."""

from __future__ import annotations

import structlog

from vimesh.api.workflows.task_messages import stop_from_wire
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.engine.engine_errors import EngineRefused, EngineUnavailable
from vimesh.engine.workflow_engine import NotYet, WorkflowEngine
from vimesh.runtime.outage_log import OutageLog
from vimesh.v1 import workflow_service_pb2 as pb
from vimesh.wire.action_messages import action_from_wire
from vimesh.wire.wire_durations import duration

_log = structlog.get_logger()

_MAX_ERROR = 1024


class TaskRunner:
    """Carries tasks out. Every outcome becomes an answer: an exception in one task stops here."""

    def __init__(self, engine: WorkflowEngine) -> None:
        self._engine = engine
        self._outage_log = OutageLog("Mistral", "workflows", meanwhile="tasks wait")

    async def run(self, task: pb.WorkflowTask) -> pb.FinishWorkflowTaskRequest:
        """Carry out a task, and return the request that finishes it."""
        request = pb.FinishWorkflowTaskRequest(task_id=task.task_id, claim_token=task.claim_token)
        try:
            retry_after_s = await self._call_engine(task)
        except EngineUnavailable as error:
            self._outage_log.note_failure(str(error))
            request.error = str(error)[:_MAX_ERROR]
        except (EngineRefused, AuthUrlInvalid) as error:
            _log.warning("task failed", vim_id=task.action.vim_id, attempt=task.attempt, why=str(error))
            request.error = str(error)[:_MAX_ERROR]
        except Exception:  # noqa: BLE001 - the supervisor of a task is where faults stop
            _log.exception("defect", vim_id=task.action.vim_id, task_id=task.task_id)
            request.error = "internal error of the api process; see its log"
        else:
            self._outage_log.note_success()
            if retry_after_s is not None:
                request.retry_after.CopyFrom(duration(retry_after_s))
        return request

    async def _call_engine(self, task: pb.WorkflowTask) -> float | None:
        if task.kind == pb.WorkflowTask.START:
            await self._engine.start(action_from_wire(task.action))
            return None
        if task.kind == pb.WorkflowTask.STOP:
            outcome = await self._engine.stop(stop_from_wire(task))
            return outcome.retry_after_s if isinstance(outcome, NotYet) else None
        # A process of a newer version may know this kind.
        raise EngineRefused(501, f"this api process does not support tasks of kind {task.kind}")
