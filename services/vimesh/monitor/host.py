"""Many ping actions in one loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vimesh.domain.actions import Action
from vimesh.monitor.pulse import Pulse
from vimesh.monitor.rounds import Rounds
from vimesh.monitor.running_clock import RunningClock
from vimesh.monitor.target import Target

FIRST_ROUNDS_PER_S = 4000
"""A new action is probed at once, as long as no more than this many begin at the same time."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this process is allowed to do."""

    methods: tuple[str, ...]
    missing: Mapping[str, str]
    """Methods that it cannot use, and why: VIMs that want them are UNKNOWN."""


class Host:
    """The set of actions that run here. Must be used in the loop that it was made in."""

    def __init__(self, *, rounds: Rounds, pulse: Pulse, running: RunningClock, abilities: Abilities) -> None:
        self.abilities = abilities
        self._rounds = rounds
        self._pulse = pulse
        self._running = running
        self._targets: dict[str, Target] = {}
        self._next_first = 0.0

    def __len__(self) -> int:
        return len(self._targets)

    def actions(self) -> Iterator[tuple[str, str]]:
        """Yield (vim_id, action_id) of each action that runs."""
        return ((target.vim_id, target.action_id) for target in self._targets.values())

    def start(self, action: Action) -> bool:
        """Run an action in place of any other of its VIM; False if it runs already. Raises AuthUrlInvalid."""
        present = self._targets.get(action.vim_id)
        if present is not None and present.action_id == action.action_id:
            return False
        target = Target(action)
        if present is not None:
            self._rounds.dismiss(present)
        self._targets[action.vim_id] = target
        first_at = max(self._running.now(), self._next_first)
        self._next_first = first_at + 1 / FIRST_ROUNDS_PER_S
        self._rounds.enlist(target, first_at)
        self._pulse.arm()
        return True

    def stop(self, vim_id: str, action_id: str) -> bool:
        """Stop an action; False if it does not run (any more)."""
        target = self._targets.get(vim_id)
        if target is None or target.action_id != action_id:
            return False
        del self._targets[vim_id]
        self._rounds.dismiss(target)
        return True
