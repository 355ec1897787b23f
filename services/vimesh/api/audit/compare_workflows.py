"""Compares the wanted actions, the workflows and executions in Mistral, and the monitors that report. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vimesh.domain.actions import Action, workflow_name
from vimesh.engine.executions import Execution
from vimesh.engine.workflow_engine import Stop


class Kind(StrEnum):
    MISSING = "MISSING"
    """The action is wanted, but has no execution."""
    DEAD = "DEAD"
    """The execution of a wanted action has ended, or has lost its action."""
    ZOMBIE = "ZOMBIE"
    """An execution that is not wanted although its VIM exists, or that is silent."""
    ORPHAN = "ORPHAN"
    """An execution or a workflow of a VIM that does not exist, or whose actions do not run in Mistral."""


class Assignee(StrEnum):
    """The party that must resolve what a repair leaves alone."""

    CONDUCTORS = "left to the conductors"
    OPERATOR = "left to an operator"


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    vim_id: str
    action_id: str
    """Empty for a workflow without executions."""
    execution_id: str
    state: str
    """State of the execution."""
    detail: str
    remedy: Action | Stop | Assignee
    """The action to start, the stop to carry out, or the party that is left to resolve it."""

    @property
    def workflow_name(self) -> str:
        return workflow_name(self.vim_id)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Collected in this order, so that a VIM registered during the collection does not look like an orphan."""

    workflows: Iterable[str]
    """IDs of the VIMs that have a workflow."""
    executions: Iterable[Execution]
    running: frozenset[str]
    """Action IDs of the running action executions."""
    wanted: Mapping[str, Action]
    """By VIM ID."""
    monitors: Mapping[str, MonitorSeen]
    """By VIM ID."""


@dataclass(frozen=True, slots=True)
class MonitorSeen:
    """The conductors' view of a wanted action."""

    action_id: str
    state: str
    last_error: str


def findings(inventory: Inventory) -> list[Finding]:
    executions = list(inventory.executions)
    listed = [finding for execution in executions if (finding := _of_execution(execution, inventory))]
    return [*_missing(executions, inventory), *listed, *_empty_workflows(executions, inventory)]


def _missing(executions: Iterable[Execution], inventory: Inventory) -> Iterable[Finding]:
    executed = {execution.id for execution in executions}
    for action in inventory.wanted.values():
        if action.action_id not in executed:
            why = _monitor_of(action, inventory)
            yield Finding(Kind.MISSING, action.vim_id, action.action_id, "", "", why, action)


def _monitor_of(action: Action, inventory: Inventory) -> str:
    monitor = inventory.monitors.get(action.vim_id)
    if monitor is None or monitor.action_id != action.action_id:
        return "no execution"
    return f"no execution; the monitor is {monitor.state}: {monitor.last_error}".removesuffix(": ")


def _of_execution(execution: Execution, inventory: Inventory) -> Finding | None:
    action = inventory.wanted.get(execution.vim_id)
    if action is None:
        stop = Stop(execution.vim_id, execution.action_id, vim_gone=True)
        return _finding(execution, Kind.ORPHAN, "the VIM is gone", stop)
    if action.action_id != execution.action_id:
        stop = Stop(execution.vim_id, execution.action_id, vim_gone=False)
        return _finding(execution, Kind.ZOMBIE, f"action {action.action_id} is wanted", stop)
    if execution.id != execution.action_id:
        return _finding(
            execution, Kind.ZOMBIE, "a second execution, made by hand: modify the VIM to remove it", Assignee.OPERATOR
        )
    if execution.has_ended:
        return _finding(execution, Kind.DEAD, execution.state_info or "it has ended", action)
    return _of_running(execution, inventory)


def _of_running(execution: Execution, inventory: Inventory) -> Finding | None:
    monitor = inventory.monitors.get(execution.vim_id)
    if monitor is None or monitor.action_id != execution.action_id:
        return None  # the action was just replaced
    if monitor.state == "SILENT":
        return _finding(
            execution, Kind.ZOMBIE, "runs, but does not report: the conductors replace it", Assignee.CONDUCTORS
        )
    if monitor.state != "RUNNING" and execution.action_id not in inventory.running:
        return _finding(
            execution, Kind.DEAD, "none of its actions runs: the conductors replace it", Assignee.CONDUCTORS
        )
    return None


def _finding(execution: Execution, kind: Kind, detail: str, remedy: Action | Stop | Assignee) -> Finding:
    return Finding(kind, execution.vim_id, execution.action_id, execution.id, execution.state, detail, remedy)


def _empty_workflows(executions: Iterable[Execution], inventory: Inventory) -> Iterable[Finding]:
    executed = {execution.vim_id for execution in executions}
    for vim_id in inventory.workflows:
        if vim_id not in inventory.wanted and vim_id not in executed:
            yield Finding(Kind.ORPHAN, vim_id, "", "", "", "a workflow without a VIM", Stop(vim_id, "", vim_gone=True))
