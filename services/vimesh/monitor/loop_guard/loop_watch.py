"""Detects which VIM holds up the loop that all VIMs share."""

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
"""Maximum age of the CPU time on record: up to this much of a step may be overlooked."""

OnHold = Callable[[Target, float], object]
"""Takes the target of the step, and how many seconds the step took."""


class LoopWatch:
    """Measures each step of work on a VIM whose cost a peer may determine.

    Time in which the machine stood still or ran other processes, or in which Python collected garbage, does not count
    against a VIM: a step is reported only if half of it, or HOLD_S, was CPU time of this thread.
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
        """Start of the step; infinitely long ago while there is none, so that each step costs only one comparison."""
        self._marked_at = -math.inf
        self._marked_cpu_s = self._marked_collecting_s = 0.0
        self._holds: list[tuple[Target, float]] = []

    def begin_step(self, target: Target) -> None:
        """Start a step of work on the target, which ends the previous step."""
        now = self._clock()
        if now - self._began_at > HOLD_S:
            self._judge_or_mark(now)
        self._target = target
        self._began_at = now
        self._note(now, target.owner[0].encode())

    def end_step(self) -> None:
        """End the last step. Holds are reported only now, when no work is in progress that they could disturb."""
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
        """Count a hold that was measured elsewhere, such as CPU time of a thread. Call this in the loop's thread.

        The hold is reported at the next `end_step`.
        """
        _log.warning("work on a VIM took too much CPU time", vim_id=target.vim_id, cpu_s=round(held_s, 2), by=what)
        self._holds.append((target, held_s))

    def _judge_or_mark(self, now: float) -> None:
        if self._target is not None:
            self._judge(self._target, now)
        elif now - self._marked_at > MARK_S:
            self._mark(now)

    def _mark(self, now: float) -> None:
        """Record the CPU time, once for many steps, because reading it is a system call."""
        self._marked_at, self._marked_cpu_s = now, self._cpu_clock()
        self._marked_collecting_s = self._collector.spent_s

    def _judge(self, target: Target, now: float) -> None:
        collecting_s = self._collector.spent_s - self._marked_collecting_s
        held_s = now - self._began_at - collecting_s
        # CPU time since the mark that exceeds the wall time before this step was surely used by this step.
        cpu_s = self._cpu_clock() - self._marked_cpu_s - (self._began_at - self._marked_at) - collecting_s
        self._mark(now)
        if held_s > HOLD_S and cpu_s >= min(held_s / 2, HOLD_S):
            _log.warning("the loop was held", vim_id=target.vim_id, for_s=round(held_s, 2), by="a probe")
            self._holds.append((target, held_s))
