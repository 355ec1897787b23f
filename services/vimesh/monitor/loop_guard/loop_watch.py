"""Who holds the loop that all VIMs share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import structlog

from vimesh.monitor.loop_guard.collector_time import CollectorTime
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target
from vimesh.watchdog.work_record import WorkRecord, private_record

_log = structlog.get_logger()

HOLD_S = 0.25
"""A step of work on one VIM that takes longer holds up all others."""

MARK_S = 0.05
"""So old may be what is known of the CPU time: as much of a step may be overlooked."""

OnHold = Callable[[Target, float], object]
"""Takes whose step it was, and how many seconds it took."""


class LoopWatch:
    """Measures each step of work on a VIM whose cost a peer may determine.

    Time in which the machine stood still, worked for others, or in which Python collected garbage is nobody's fault: a
    step is only told of if half of it, or as much as a step may take, was CPU time of this thread.
    """

    def __init__(
        self,
        *,
        on_hold: OnHold = lambda _target, _held_s: None,
        record: WorkRecord | None = None,
        collector: CollectorTime | None = None,
        clock: Clock = time.monotonic,
        cpu_clock: Clock = time.thread_time,
    ) -> None:
        self._on_hold = on_hold
        self._record = record or private_record()
        self._note = self._record.begin
        self._collector = collector or CollectorTime()
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._target: Target | None = None
        self._began_at = -math.inf
        """Of the step; before all time while there is none, so that there is only one thing to ask at each step."""
        self._marked_at = -math.inf
        self._marked_cpu_s = self._marked_collecting_s = 0.0
        self._holds: list[tuple[Target, float]] = []

    def turn_to(self, target: Target) -> None:
        """Begin a step of work on the target; the one before it ends."""
        now = self._clock()
        if now - self._began_at > HOLD_S:
            self._end_rest_or_hold(now)
        self._target = target
        self._began_at = now
        self._note(now, target.owner[0].encode())

    def rest(self) -> None:
        """End the last step. What was held is told only now, when nobody is in the midst of anything."""
        if self._target is not None:
            now = self._clock()
            if now - self._began_at > HOLD_S:
                self._judge(self._target, now)
            self._target = None
            self._began_at = -math.inf
            self._record.clear()
        while self._holds:
            self._on_hold(*self._holds.pop())

    def held(self, target: Target, held_s: float, what: str) -> None:
        """Count a hold that was measured elsewhere, such as CPU time of a thread. To be called in the loop's thread.

        It is told at the next rest.
        """
        _log.warning("work on a VIM cost too much", vim_id=target.vim_id, cpu_s=round(held_s, 2), by=what)
        self._holds.append((target, held_s))

    def _end_rest_or_hold(self, now: float) -> None:
        if self._target is not None:
            self._judge(self._target, now)
        elif now - self._marked_at > MARK_S:
            self._mark(now)

    def _mark(self, now: float) -> None:
        """Take down the CPU time: once for many steps, for that is a call of the kernel."""
        self._marked_at, self._marked_cpu_s = now, self._cpu_clock()
        self._marked_collecting_s = self._collector.spent_s

    def _judge(self, target: Target, now: float) -> None:
        collecting_s = self._collector.spent_s - self._marked_collecting_s
        held_s = now - self._began_at - collecting_s
        # Of the CPU time since the mark, what is longer than the steps before was surely used by this one.
        cpu_s = self._cpu_clock() - self._marked_cpu_s - (self._began_at - self._marked_at) - collecting_s
        self._mark(now)
        if held_s > HOLD_S and cpu_s >= min(held_s / 2, HOLD_S):
            _log.warning("the loop was held", vim_id=target.vim_id, for_s=round(held_s, 2), by="a probe")
            self._holds.append((target, held_s))
