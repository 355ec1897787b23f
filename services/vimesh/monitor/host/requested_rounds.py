"""Makes single rounds of probes that belong to no ping action, in the loop of all others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vimesh.domain.actions import Action
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.domain.probes.asked_probes import AskedProbe
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.conditions.target_conditions import TargetConditions
from vimesh.monitor.host.probe_loop import ProbeLoop
from vimesh.monitor.rounds.address_budget import AddressBudget
from vimesh.monitor.rounds.rounds import Rounds
from vimesh.monitor.scheduling.stall_clock import Clock, StallClock
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import ActionKey, Target
from vimesh.monitor.targets.verdict import Verdict
from vimesh.monitor.traces.probe_trace import ProbeTrace

MAX_AT_ONCE: Final = 8_000
"""Rounds at a time, of all conductors together."""
_PER_S: Final = 10_000
"""As many begin in a second as of new actions: each takes a socket."""
_OF_ADDRESS_PER_S: Final = 50.0
"""Half of what regular rounds may be."""

TakeVerdict = Callable[[Verdict], None]


@dataclass(slots=True)
class _OpenRound:
    target: Target
    take: TakeVerdict
    deadline: asyncio.TimerHandle
    verdict: Verdict | None = None
    """Set while the rest of an answer is awaited that the trace of the round wants."""


class RequestedVerdicts:
    """Tells the verdicts of requested rounds from those of ping actions."""

    def __init__(self, on_verdict: TakeVerdict) -> None:
        """`on_verdict`: takes the verdicts of ping actions."""
        self._on_verdict = on_verdict
        self.taken_by: dict[ActionKey, TakeVerdict] = {}

    def pass_on(self, verdict: Verdict) -> None:
        take = self.taken_by.get((verdict.vim_id, verdict.action_id), self._on_verdict)
        take(verdict)


class RequestedRounds:
    """Each round is of a target of its own, which is gone when the round is over."""

    def __init__(  # noqa: PLR0913 - everything it uses is passed in
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        rounds: Rounds,
        pulse: ProbeLoop,
        running: StallClock,
        clock: Clock,
        verdicts: RequestedVerdicts,
        history: RoundHistory | None = None,
        conditions: TargetConditions | None = None,
        traces: dict[Target, ProbeTrace] | None = None,
    ) -> None:
        """`history` and `conditions` are told to forget these rounds: they are none of the VIM's.

        `traces`: gets those of the rounds that are traced, while they are under way.
        """
        self._traces = {} if traces is None else traces
        self._conditions = conditions
        self._loop = loop
        self._rounds = rounds
        self._probe_loop = pulse
        self._stall_clock = running
        self._clock = clock
        self._verdicts = verdicts
        self._history = history
        self._open: dict[ActionKey, _OpenRound] = {}
        self._numbers = itertools.count(1)
        self._next_at = 0.0
        self._address_budget = AddressBudget(_OF_ADDRESS_PER_S)

    def __len__(self) -> int:
        """Return the number of rounds under way."""
        return len(self._open)

    def new_trace(self) -> ProbeTrace:
        """Return a trace for a round that starts now."""
        return ProbeTrace(self._clock)

    def start(self, probe: AskedProbe, within_s: float, take: TakeVerdict, trace: ProbeTrace | None = None) -> None:
        """Make one round; `take` gets its verdict within the time: UNKNOWN if there is none by then.

        `trace`: gets what is seen. The verdict then waits for the rest of an answer that says whether a service is
        ready.
        """
        # No ping action has such an id, which would be a UUID.
        key = (probe.vim_id, f"round {next(self._numbers)}")
        if len(self._open) >= MAX_AT_ONCE:
            take(self._untold(key, Reason.LOCAL_RESOURCES, "too many probes were asked for"))
            return
        try:
            target = Target(Action(*key, probe.auth_url, probe.policy, 0, vim_type=probe.vim_type))
        except AuthUrlInvalid as error:
            take(self._untold(key, Reason.LOCAL_DEFECT, str(error)))
            return
        # A turn of regular rounds is never taken: what is asked for must not delay what is watched.
        if self._address_budget.take_turn(target.endpoint.host, self._clock()):
            take(self._untold(key, Reason.LOCAL_RESOURCES, "too many probes of this address were asked for"))
            return
        deadline = self._loop.call_later(within_s, self._expire, key, within_s)
        self._open[key] = _OpenRound(target, take, deadline)
        if trace is not None:
            self._traces[target] = trace
            trace.on_body = lambda: self._end_of_body(key)
        self._verdicts.taken_by[key] = self._end
        first_at = max(self._stall_clock.now(), self._next_at)
        self._next_at = first_at + 1 / _PER_S
        self._rounds.enlist_once(target, first_at)
        self._probe_loop.arm()

    def _expire(self, key: ActionKey, within_s: float) -> None:
        verdict = self._open[key].verdict
        if verdict is not None:
            self._end_now(verdict)
            return
        self._end_now(self._untold(key, Reason.LOCAL_STUCK, f"the probe did not end within {within_s:.2f} s"))

    def _untold(self, key: ActionKey, reason: str, detail: str) -> Verdict:
        return Verdict(*key, Status.UNKNOWN, reason, detail, None, self._clock())

    def _end(self, verdict: Verdict) -> None:
        key = (verdict.vim_id, verdict.action_id)
        trace = self._traces.get(self._open[key].target)
        if trace is None or not trace.awaits_body:
            self._end_now(verdict)
            return
        self._open[key].verdict = verdict
        self._verdicts.taken_by[key] = _ignore

    def _end_of_body(self, key: ActionKey) -> None:
        ended = self._open.get(key)
        if ended is not None and ended.verdict is not None:
            self._end_now(ended.verdict)

    def _end_now(self, verdict: Verdict) -> None:
        key = (verdict.vim_id, verdict.action_id)
        ended = self._open.pop(key)
        # It may be judged once more before it is dismissed, which concerns nobody.
        self._verdicts.taken_by[key] = _ignore
        ended.deadline.cancel()
        # Not now: whoever announces the verdict may still be at work on the target.
        self._loop.call_soon(self._dismiss, key, ended.target)
        ended.take(verdict)

    def _dismiss(self, key: ActionKey, target: Target) -> None:
        self._rounds.dismiss(target)
        self._traces.pop(target, None)
        del self._verdicts.taken_by[key]
        if self._history is not None:
            self._history.forget(target)
        if self._conditions is not None:
            self._conditions.forget(target)


def _ignore(_: Verdict) -> None:
    """Take a verdict that nobody waits for."""
