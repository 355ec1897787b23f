"""Defines to-dos: what a workflow engine must do after a change of the wanted actions (G9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vimesh.domain.actions import Action

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0


class TodoKind(StrEnum):
    START = "START"
    """Ensure that the workflow of the action exists and runs."""
    STOP = "STOP"
    """Ensure that nothing is left of the action's workflow."""


@dataclass(frozen=True, slots=True)
class ClaimedTodo:
    """A to-do that its claimant may carry out until the claim lapses. Carrying it out twice must be safe."""

    id: str
    claim_token: str
    """Proves that the claim is the newest one."""
    kind: TodoKind
    vim_id: str
    action_id: str
    action: Action | None
    """What to run; None for a STOP."""
    vim_gone: bool
    """For a STOP: whether the VIM is gone too, or has moved to another engine. Otherwise another action of the VIM may
    use the workflow."""
    attempt: int
    """How often the to-do has been claimed, including this time."""
    traceparent: str = ""
    """The span in which it was caused (W3C Trace Context); empty if that was not traced."""


def retry_delay_s(failures: int, jitter: float) -> float:
    """Return the pause after that many failures in a row: double the previous one, less up to half of that.

    `jitter` is a number from 0 to 1, different each time, so that to-dos that failed together are not retried together.
    """
    full_pause_s = min(FIRST_RETRY_S * 2.0 ** min(failures - 1, 16), LONGEST_RETRY_S)
    return full_pause_s * (1 - jitter / 2)
