"""What is asked of an engine that runs ping actions as workflows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vimesh.domain.actions import Action


@dataclass(frozen=True, slots=True)
class Stop:
    """Have nothing left of an action."""

    vim_id: str
    action_id: str
    vim_gone: bool
    """No other action of the VIM is wanted, nor is its workflow."""
    attempt: int = 1
    """How often it was asked for, this time included."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is left."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """The action is about to exit: ask again after a while."""

    retry_after_s: float


class WorkflowEngine(Protocol):
    """Everything may be asked for twice, also by two processes at the same time. Raises EngineError."""

    async def start(self, action: Action) -> None:
        """See that the action has an execution that runs. Raises AuthUrlInvalid."""

    async def stop(self, stop: Stop) -> Stopped | NotYet:
        """Remove the executions of the action, when it has exited or had its time to."""
