"""Runs many ping actions in one loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vimesh.domain.actions import Action
from vimesh.monitor.conditions.target_conditions import TargetConditions
from vimesh.monitor.host.probe_loop import ProbeLoop
from vimesh.monitor.host.requested_rounds import RequestedRounds
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.references.reference_probes import ReferenceProbes
from vimesh.monitor.rounds.rounds import Rounds
from vimesh.monitor.rounds.shared_probes import SharedProbes
from vimesh.monitor.scheduling.local_health import LocalHealth
from vimesh.monitor.scheduling.round_budget import RoundBudget
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import ActionKey, Target

FIRST_ROUNDS_PER_S = 10_000
"""New actions are probed at once, but no more than this many per second."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """Which probe methods this process can use."""

    methods: tuple[str, ...]
    missing: Mapping[str, str]
    """Methods that it cannot use, and why: VIMs that want them are UNKNOWN."""


class ActionHost:
    """The set of actions that run here. Use it only in the loop in which it was created.

    Actions that want the same probes share them: an endpoint that many VIMs have in common is probed once per round.
    """

    def __init__(  # noqa: PLR0913 - everything it uses is passed in
        self,
        *,
        rounds: Rounds,
        pulse: ProbeLoop,
        running: StallClock,
        abilities: Abilities,
        pace: RoundBudget,
        statistics: ProbeStatistics,
        requested_rounds: RequestedRounds,
        gate: TargetGate,
        resolver: Resolver,
        history: RoundHistory | None = None,
        health: LocalHealth | None = None,
        references: ReferenceProbes | None = None,
        conditions: TargetConditions | None = None,
    ) -> None:
        self.abilities = abilities
        self.statistics = statistics
        self.requested_rounds = requested_rounds
        """Rounds that belong to no action."""
        self.gate = gate
        """Judges the address of every connection, those of logins, too."""
        self.resolver = resolver
        self.history = history
        """What rounds come to, minute by minute; None if that is not wanted."""
        self.references = references
        """What shows that the network of this process works; None: nothing does."""
        self.conditions = conditions
        """What probes show besides verdicts; None if that is not wanted."""
        self._health = health or LocalHealth()
        self._rounds = rounds
        self._probe_loop = pulse
        self._stall_clock = running
        self._round_budget = pace
        self._targets: dict[ActionKey, Target] = {}
        self._probes = SharedProbes()
        self._next_first = 0.0

    def __len__(self) -> int:
        return len(self._targets)

    @property
    def targets(self) -> int:
        """Number of different targets that the actions probe."""
        return len(self._probes)

    @property
    def local_health(self) -> float:
        """By which factor answers are waited for longer, because the loop is late: 1 to 8. Any thread may ask."""
        return self._health.factor(self._stall_clock.peek())

    @property
    def is_cut_off(self) -> bool:
        """Whether the references show that the network of this process is away."""
        return self.references is not None and self.references.uplink.is_failing

    def actions(self) -> Iterator[ActionKey]:
        """Yield (vim_id, action_id) of each action that runs."""
        return iter(self._targets)

    def runs(self, vim_id: str, action_id: str) -> bool:
        """Return whether an action runs."""
        return (vim_id, action_id) in self._targets

    def round_trip_s(self, vim_id: str, action_id: str) -> float:
        """Return in how many seconds the VIM of an action last answered; 0: not known."""
        target = self._targets.get((vim_id, action_id))
        return 0.0 if target is None else target.round_trip_s

    def start(self, action: Action) -> bool:
        """Run an action, next to any other one of its VIM; False if it runs already. Raises AuthUrlInvalid.

        Which of the two is wanted is unknown here, for they may arrive in the wrong order. The conductors answer the
        other one's reports with bad_action.
        """
        key = (action.vim_id, action.action_id)
        if key in self._targets:
            return False
        target = Target(action)
        twin = self._probes.twin_of(target)
        if twin is None:
            self._probes.add(target)
            self._enlist(target)
        else:
            twin.add(key)
            self._rounds.announce_to(twin, key)
        self._targets[key] = twin or target
        if self.conditions is not None:
            self.conditions.add_action(key, twin or target)
        self._probe_loop.arm()
        return True

    def _enlist(self, target: Target) -> None:
        self._round_budget.join(target.policy.interval_s)
        first_at = max(self._stall_clock.now(), self._next_first)
        self._next_first = first_at + 1 / FIRST_ROUNDS_PER_S
        self._rounds.enlist(target, first_at)

    def recheck(self, vim_id: str, action_id: str) -> None:
        """Call this before an action's last verdict is reported again: if it is outdated, a new one replaces it."""
        target = self._targets.get((vim_id, action_id))
        if target is not None and self._rounds.recheck(target):
            self._probe_loop.arm()

    def stop(self, vim_id: str, action_id: str) -> bool:
        """Stop an action; False if it does not run (any more)."""
        target = self._targets.pop((vim_id, action_id), None)
        if target is None:
            return False
        if self.conditions is not None:
            self.conditions.remove_action((vim_id, action_id))
        if not target.remove((vim_id, action_id)):
            return True
        self._probes.remove(target)
        self._round_budget.leave(target.policy.interval_s)
        self._rounds.dismiss(target)
        if self.conditions is not None:
            self.conditions.forget(target)
        return True
