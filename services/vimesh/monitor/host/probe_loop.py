"""Drives a host by one timer: wakes up when something is due, and reads answers before it judges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import structlog

from vimesh.monitor.loop_guard.loop_watch import LoopWatch
from vimesh.monitor.references.reference_probes import ReferenceProbes
from vimesh.monitor.rounds.rounds import Rounds
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.cohorts import Cohort, Cohorts
from vimesh.monitor.targets.target import Target

_log = structlog.get_logger()

HEARTBEAT_S = 0.1
"""Precision with which a stall of the loop is noticed while answers are awaited."""


class ProbeLoop:
    """Runs both wheels in an asyncio loop."""

    def __init__(  # noqa: PLR0913 - two wheels, and what they drive
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        running: StallClock,
        wheel: TimingWheel[Target],
        rounds: Rounds,
        cohort_wheel: TimingWheel[Cohort],
        cohorts: Cohorts,
        watch: LoopWatch | None = None,
        references: ReferenceProbes | None = None,
    ) -> None:
        self._loop = loop
        self._stall_clock = running
        self._wheel = wheel
        self._rounds = rounds
        self._cohort_wheel = cohort_wheel
        self._cohorts = cohorts
        self._watch = watch or LoopWatch()
        self._references = references
        self._drains: list[Callable[[], None]] = []
        self._files: list[int] = []
        self._busy: list[Callable[[], bool]] = []
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for: float | None = None
        self._due_cohorts: Iterator[Cohort] = iter(())
        self._has_due_cohort = False

    def listen(self, fd: int, drain: Callable[[], None], *, busy: Callable[[], bool] | None = None) -> None:
        """Call `drain` to read answers whenever the file has some, and before anything is judged.

        `busy` returns whether answers are awaited that belong to no round but must be handled in time.
        """
        self._drains.append(drain)
        if busy is not None:
            self._busy.append(busy)
        self._files.append(fd)
        self._loop.add_reader(fd, self._read_answers, drain)

    def close(self) -> None:
        for fd in self._files:
            self._loop.remove_reader(fd)
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def arm(self) -> None:
        """Schedule the next wake-up. Call this whenever something may have become due earlier."""
        when = self._next_due()
        awaited = when is not None and (self._rounds.open_rounds or self._cohorts.open_tokens)
        if awaited or self._is_busy():
            heartbeat = self._stall_clock.now() + HEARTBEAT_S
            when = heartbeat if when is None else min(when, heartbeat)
        armed = self._armed_for
        if self._handle is not None and armed is not None and when is not None and armed <= when:
            return
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._armed_for = when
        self._stall_clock.expect_reading(when)
        if when is not None:
            self._handle = self._loop.call_later(max(0.0, when - self._stall_clock.now()), self._wake_up)

    def _is_busy(self) -> bool:
        for busy in self._busy:  # noqa: SIM110 - called at each wake-up: a generator would take longer than all of them
            if busy():
                return True
        return False

    def _next_due(self) -> float | None:
        if self._has_due_cohort:
            return self._stall_clock.now()
        target, cohort = self._wheel.next_due(), self._cohort_wheel.next_due()
        if self._references is not None:
            target = self._references.due_at if target is None else min(target, self._references.due_at)
        if target is None or cohort is None:
            return cohort if target is None else target
        return min(target, cohort)

    def _read_answers(self, drain: Callable[[], None]) -> None:
        self._stall_clock.now()  # notices a stall before the answers that arrived during it are timed
        drain()
        self.arm()

    def _wake_up(self) -> None:
        self._handle = None
        # First the clock, then the answers, and only then the targets that were due at that time: an answer that
        # arrived while the loop was busy always counts.
        try:
            now = self._stall_clock.now()
            for drain in self._drains:
                drain()
            # Before the targets: references that are asked for the sake of a probe are asked first.
            if self._references is not None and now >= self._references.due_at:
                self._advance_references(self._references, now)
            for target in self._wheel.take_due(now):
                self._advance_target(target)
            self._watch.end_step()
            self._advance_cohort(now)
        finally:
            self.arm()

    @staticmethod
    def _advance_references(references: ReferenceProbes, now: float) -> None:
        try:
            references.advance(now)
        except Exception:  # noqa: BLE001 - a broken reference must not end the probes of VIMs
            _log.exception("the references could not be asked")

    def _advance_target(self, target: Target) -> None:
        try:
            self._rounds.advance(target)
        except Exception:  # noqa: BLE001 - one broken target must not end the probes of the others
            _log.exception("a round of probes raised an error", vim_id=target.vim_id)
            self._rounds.skip(target)

    def _advance_cohort(self, now: float) -> None:
        # One at a time: a volley takes a millisecond, which must not make the answers to other probes look late.
        cohort = next(self._due_cohorts, None)
        if cohort is None:
            self._due_cohorts = self._cohort_wheel.take_due(now)
            cohort = next(self._due_cohorts, None)
        self._has_due_cohort = cohort is not None
        if cohort is None:
            return
        try:
            self._cohorts.advance(cohort)
        except Exception:  # noqa: BLE001 - one broken cohort must not end the probes of the others
            # Its members are still judged: `advance` schedules the next step before anything that may fail.
            _log.exception("a volley of pings raised an error", members=len(cohort.members))
