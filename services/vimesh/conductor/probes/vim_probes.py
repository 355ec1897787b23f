"""Has a VIM probed now for people, within bounds for each project and for the conductor (G13)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from vimesh.conductor.pool.pool_upkeep import PoolUpkeep
from vimesh.conductor.probes.asked_monitors import AskedMonitor, AskedMonitors
from vimesh.domain.actions import Action
from vimesh.domain.errors import Overloaded, VimeshError, VimNotFound
from vimesh.domain.probes.asked_probes import LONGEST_S, AskedProbe, ProbeSighting, policy_within
from vimesh.domain.probes.probe_errors import MonitorSilent, NoMonitor, ProbedElsewhere, ProbeRateExceeded
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Status, Vim

_ON_THE_WAY_S: Final = 0.3
"""What is left of a deadline for the way back."""
_MAX_REMEMBERED: Final = 10_000
"""Projects whose budgets are remembered."""


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """What one conductor has probed for people."""

    at_once: int = 64
    of_project_at_once: int = 16
    """While more than half of all places are taken, a quarter of that: so a few projects cannot keep out the others."""
    per_s: float = 10.0
    """For each project, in all conductors together."""
    burst: int = 50
    """How many a project may ask for at once that has asked for none for a while."""


class VimProbes:
    def __init__(
        self,
        store: VimStore,
        upkeep: PoolUpkeep,
        monitors: AskedMonitors,
        limits: ProbeLimits,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._upkeep = upkeep
        self._monitors = monitors
        self._limits = limits
        self._clock = clock
        self._under_way: Counter[str] = Counter()
        self._budgets: dict[str, tuple[float, float]] = {}
        """How many probes each project may ask for, and when that was so."""

    async def probe(self, vim: Vim, remaining_s: float | None) -> Sequence[ProbeSighting]:
        """Return what a monitor of each vantage of a VIM sees. `remaining_s`: until the caller's deadline; None: none.

        A vantage from which nothing is seen reads UNKNOWN, and says why. Raises ProbedElsewhere, NoMonitor or
        MonitorSilent if that is so for each, ProbeRateExceeded, Overloaded, VimNotFound, StoreUnavailable.
        """
        if vim.monitor.engine is not Engine.EMBEDDED:
            raise ProbedElsewhere(vim.id, vim.monitor.engine)
        with self._admitted(vim.project_id):
            actions = await self._store.actions_of([vim.id])
            if not actions:
                raise VimNotFound(vim.id)
            limit_s = LONGEST_S if remaining_s is None else min(remaining_s, LONGEST_S)
            within_s = max(_ON_THE_WAY_S, limit_s - _ON_THE_WAY_S)
            outcomes = await asyncio.gather(*(self._outcome(action, within_s) for action in actions))
        failures = [outcome for outcome in outcomes if isinstance(outcome, VimeshError)]
        if len(failures) == len(actions):
            raise failures[0]
        return [
            _unseen(action.vantage, outcome) if isinstance(outcome, VimeshError) else outcome
            for action, outcome in zip(actions, outcomes, strict=True)
        ]

    async def _outcome(self, action: Action, within_s: float) -> ProbeSighting | NoMonitor | MonitorSilent:
        """Return what is seen from the vantage of an action, or why nothing is."""
        try:
            asked = self._monitor_for(action)
        except NoMonitor as error:
            return error
        policy = policy_within(action.policy, within_s)
        probe = AskedProbe(action.vim_id, action.auth_url, policy, action.vim_type, wants_evidence=True)
        [sighting] = await asked.ask([probe], within_s)
        if sighting is None:
            return NoMonitor() if asked.has_ended else MonitorSilent(asked.monitor_id, within_s)
        return sighting

    async def is_older(self, vim: Vim, max_age_s: float) -> bool:
        """Return whether the newest contact of a VIM's action is older than that, by the database's clock."""
        contact_time = vim.monitor.contact_time
        if contact_time is None or not max_age_s:
            return True
        return await self._store.clock() - contact_time > timedelta(seconds=max_age_s)

    def _monitor_for(self, action: Action) -> AskedMonitor:
        assignment = self._upkeep.assignment(action.vantage)
        owner = self._monitors.of_id(assignment.owner_of(action.vim_id))
        if owner is not None:
            return owner
        others = self._monitors.among(member.monitor_id for member in assignment.members)
        if not others:
            raise NoMonitor
        return min(others, key=lambda other: other.open_probes)

    @contextmanager
    def _admitted(self, project_id: str) -> Generator[None]:
        limits, under_way = self._limits, self._under_way.total()
        is_half_full = 2 * under_way > limits.at_once
        most = max(1, limits.of_project_at_once // 4) if is_half_full else limits.of_project_at_once
        if under_way >= limits.at_once or self._under_way[project_id] >= most:
            raise Overloaded
        self._spend(project_id)
        self._under_way[project_id] += 1
        try:
            yield
        finally:
            self._under_way[project_id] -= 1
            if not self._under_way[project_id]:
                del self._under_way[project_id]

    def _spend(self, project_id: str) -> None:
        """Take a probe from the budget of a project. Raises ProbeRateExceeded."""
        limits, now = self._limits, self._clock()
        left, at = self._budgets.pop(project_id, (float(limits.burst), now))
        # The front spreads calls over all conductors.
        per_s = limits.per_s / max(1, self._upkeep.conductors)
        left = min(float(limits.burst), left + (now - at) * per_s)
        if left < 1:
            self._budgets[project_id] = (left, now)
            raise ProbeRateExceeded(project_id, (1 - left) / per_s)
        # The one that has not asked for longest comes first: it has its whole budget back, or is one of too many.
        if len(self._budgets) >= _MAX_REMEMBERED:
            del self._budgets[next(iter(self._budgets))]
        self._budgets[project_id] = (left - 1, now)


def _unseen(vantage: str, error: NoMonitor | MonitorSilent) -> ProbeSighting:
    reason = "NO_MONITOR" if isinstance(error, NoMonitor) else "MONITOR_SILENT"
    return ProbeSighting(Status.UNKNOWN, reason, str(error), None, monitor_id="", vantage=vantage)
