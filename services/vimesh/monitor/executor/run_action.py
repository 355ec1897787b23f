"""Runs a ping action in this executor: from the inputs of a workflow to the host of the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from vimesh.domain.errors import BadSetting
from vimesh.monitor.executor.action_inputs import action_of
from vimesh.monitor.executor.executor_host import ExecutorHost, HostStalled
from vimesh.monitor.executor.executor_log import log_to_stdlib
from vimesh.monitor.executor.executor_settings import ActionMode, executor_settings
from vimesh.monitor.executor.input_values import BadOrder, describe_value
from vimesh.monitor.executor.mistral_rpc import RESULT, end_execution
from vimesh.monitor.executor.per_process import ForkedAfterUse, PerProcess

_log = structlog.get_logger()

_host: PerProcess[ExecutorHost] = PerProcess()
"""Mistral creates an object for each action and has no place for shared state: see docs/decisions/0013."""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The result that Mistral gets."""

    synchronous: bool
    """Whether this is the result of an action that has ended; else the action has only been started."""
    data: str | None = None
    error: str = ""


def run(inputs: object, execution_id: str | None, environment: Mapping[str, str], *, synchronous: bool) -> ActionResult:
    """Start an action; wait for its end if the engine's host (`synchronous`) or this one is set to that. Never raises.

    The inputs may be any JSON that a workflow contains: invalid ones fail this action and no other.
    """
    log_to_stdlib()
    try:
        settings = executor_settings(environment)
        action = action_of(inputs)
        execution_id = _require_execution(execution_id)
        host = _host.get(
            create=lambda: ExecutorHost(settings, end_execution),
            is_usable=lambda known: not known.is_broken,
        )
        if not synchronous and settings.mode is ActionMode.ASYNC:
            host.start(action, execution_id)
            return ActionResult(synchronous=False)
        host.run(action, execution_id)
        return ActionResult(synchronous=True, data=RESULT)
    except (BadSetting, BadOrder, ForkedAfterUse, HostStalled) as error:
        return _failure(inputs, execution_id, str(error), synchronous=synchronous)
    except Exception as error:  # noqa: BLE001 - faults of an action stop here
        _log.exception("defect")
        return _failure(inputs, execution_id, f"internal error: {type(error).__name__}", synchronous=synchronous)


def _failure(inputs: object, execution_id: str | None, why: str, *, synchronous: bool) -> ActionResult:
    vim_id = describe_value(inputs.get("vim_id") if isinstance(inputs, Mapping) else None)
    _log.error("ping action cannot run", why=why, vim_id=vim_id, execution_id=execution_id)
    return ActionResult(synchronous=synchronous, error=f"ping action cannot run: {why}")


def _require_execution(execution_id: str | None) -> str:
    if execution_id is None:
        raise BadOrder("it was run without a workflow: Mistral has no record of it, so nothing could end it")
    return execution_id
