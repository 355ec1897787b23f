"""The interface of an engine that runs ping actions as workflows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vimesh.domain.actions import Action


@dataclass(frozen=True, slots=True)
class Stop:
    """A request to stop an action and to remove all traces of it."""

    vim_id: str
    action_id: str
    vim_gone: bool
    """Neither another action of the VIM nor its workflow is wanted."""
    attempt: int = 1
    """The number of this attempt, counted from 1."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is left of the action."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """The action is about to exit: ask again after the pause."""

    retry_after_s: float


class WorkflowEngine(Protocol):
    """Every request may be repeated, even by two processes at the same time. Raises EngineError."""

    async def start(self, action: Action) -> None:
        """Ensure that the action has a running execution. Raises AuthUrlInvalid."""

    async def stop(self, stop: Stop) -> Stopped | NotYet:
        """Remove the executions of the action, once it has exited or its time to do so is up."""
