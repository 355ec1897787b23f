"""Asks what other monitors see before a VIM is called UNREACHABLE (G15).

Bad news waits for a second opinion, never for longer than a second: whoever is asked can only say in that time that it
reached the VIM. Then the two disagree, and that is reported, until they agree or the VIM is reached here again. Bad
news of which nobody could tell in time is told, and others are asked about it again.

A monitor that is cut off has thousands to ask about, more than others may have the time for. But nearly all answers
that do come say that the VIM works. So while that is so, it doubts itself: what nobody could tell in time is disputed,
too.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, Never

import grpc

from vimesh.domain.probes.asked_probes import MAX_BATCH, SECOND_OPINION_S, patience_for
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import ActionKey
from vimesh.monitor.targets.verdict import Verdict
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.wire_durations import duration, seconds

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

_GATHER_S: Final = 0.005
"""How long bad news waits for more of it to share its call."""
_MOST_UNANSWERED: Final = 2
"""How often in turn nobody has to tell before a dispute ends in what this monitor alone sees."""
_MOST_REPEATS: Final = 5
"""How often others are asked again about bad news that is out: with pauses from 2 s that double, for about a minute.
About a VIM that one of them has reached meanwhile, they are asked until they tell."""
_MANY: Final = 10
"""VIMs that others reach, from which on a monitor may doubt itself."""
_FAR_MORE: Final = 4
"""So many of these for each VIM that others did not reach either: with fewer, it may as well be the VIMs."""
_CALLS: Final = 6
"""Calls under way; conductors take 8 from a monitor at a time."""
_REPEATS: Final = 2
"""How many of them may be about what was asked before: that must not delay what is new."""

AskOthers = Callable[[Sequence[pb.FailedVim]], AsyncGenerator[pb.SecondOpinion]]
"""Yields what others see of VIMs, as they say it; ends when no more is to be expected."""


@dataclass(frozen=True, slots=True)
class OpinionLimits:
    wait_s: float = SECOND_OPINION_S
    """How long bad news waits."""
    first_pause_s: float = 2.0
    """How soon those are asked again who disagree, or could not tell; the pauses double."""
    longest_pause_s: float = 60.0
    look_s: float = 1.0
    """How often it is looked whom to ask again."""


@dataclass(frozen=True, slots=True)
class OtherMonitors:
    """The monitors of the same vantage."""

    monitor_id: str
    """Which one asks."""
    are_none: Callable[[], bool]
    """Returns whether it surely has no others."""


class OpinionCalls:
    """Asks conductors to ask others: an AskOthers."""

    def __init__(self, stub: ConductorServiceAsyncStub, monitor_id: str) -> None:
        self._stub = stub
        self._monitor_id = monitor_id

    async def __call__(self, vims: Sequence[pb.FailedVim]) -> AsyncGenerator[pb.SecondOpinion]:
        request = pb.ConfirmFailuresRequest(monitor_id=self._monitor_id, vims=vims)
        try:
            async for response in self._stub.ConfirmFailures(request, timeout=SECOND_OPINION_S):
                for opinion in response.opinions:
                    yield opinion
        except grpc.aio.AioRpcError:
            # The reports that follow tell in the log that conductors are lost.
            pass


class _Stage(Enum):
    """What was told of bad news that no other monitor has confirmed."""

    HELD = "nothing yet"
    OUT = "all of it, because nobody could tell in time"
    DISPUTED = "that another monitor disagrees"


@dataclass(slots=True)
class _Case:
    """Bad news of one action that no other monitor has confirmed."""

    verdict: Verdict
    waits_until: float | None
    """When the answer must be there; None: nobody is asked now."""
    stage: _Stage = _Stage.HELD
    pause_s: float = 0.0
    """How long the newest pause was until others were asked again."""
    ask_at: float = 0.0
    """When others are asked again; infinite while it is their turn."""
    unanswered: int = 0
    """How often nobody could tell since the stage began, or others disagreed again."""
    is_reached: bool = False
    """Whether another monitor has reached the VIM meanwhile."""

    @property
    def key(self) -> ActionKey:
        return (self.verdict.vim_id, self.verdict.action_id)


@dataclass(slots=True)
class OpinionStatistics:
    """What became of bad news."""

    agreed: int = 0
    """Another monitor did not reach the VIM either."""
    unasked: int = 0
    """Nobody could tell in time."""
    disputed: int = 0
    """Another monitor reached it."""
    doubted: int = 0
    """Nobody could tell in time, and others reached nearly all else that this monitor did not."""


class SecondOpinions:
    def __init__(  # noqa: PLR0913 - all collaborators are passed in here
        self,
        ask: AskOthers,
        deliver: Callable[[Verdict], None],
        *,
        round_trip_of: Callable[[str, str], float],
        is_alone: Callable[[], bool],
        is_cut_off: Callable[[], bool] = lambda: False,
        clock: Clock,
        limits: OpinionLimits | None = None,
    ) -> None:
        """Create it in a running loop.

        `deliver` gets the verdicts to report. `round_trip_of` returns in how many seconds the VIM of an action, given
        as (vim_id, action_id), last answered; 0: not known. `is_alone` returns whether there is no other monitor,
        `is_cut_off` whether the network of this one is known to be away.
        """
        self._ask = ask
        self._deliver = deliver
        self._round_trip_of = round_trip_of
        self._is_alone = is_alone
        self._is_cut_off = is_cut_off
        self._clock = clock
        self._limits = limits or OpinionLimits()
        self._loop = asyncio.get_running_loop()
        self._cases: dict[ActionKey, _Case] = {}
        self._agreed: set[ActionKey] = set()
        """The actions whose bad news is out."""
        self._unasked: deque[_Case] = deque()
        """New bad news, which waits."""
        self._repeats: deque[_Case] = deque()
        """What others are asked about again. It does not wait before its call begins."""
        self._deadlines: deque[tuple[float, _Case]] = deque()
        """In the order in which they end: all waits are equally long."""
        self._timer: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self._free_calls = asyncio.Semaphore(_CALLS)
        self._repeating_calls = 0
        self._unsettled = 0
        """The cases about which others are asked again."""
        self._reached = 0
        """The disputes in which another monitor has reached the VIM."""
        self._confirmed = 0
        """How often others agreed since the first of these began."""
        self._look_at = 0.0
        self.statistics = OpinionStatistics()

    def consider(self, verdict: Verdict) -> None:
        """Deliver a verdict now, or what it comes to when another monitor was asked."""
        key = (verdict.vim_id, verdict.action_id)
        if verdict.status is not Status.UNREACHABLE:
            self.forget(*key)
            self._deliver(verdict)
        elif (case := self._cases.get(key)) is not None:
            case.verdict = verdict
            if case.stage is _Stage.OUT:
                self._deliver(verdict)
        elif key in self._agreed or self._is_alone():
            self._agreed.add(key)
            self._deliver(verdict)
        else:
            case = self._cases[key] = _Case(verdict, None)
            self._ask_soon(case)

    def forget(self, vim_id: str, action_id: str) -> None:
        """Drop what is known of an action."""
        self._agreed.discard((vim_id, action_id))
        case = self._cases.pop((vim_id, action_id), None)
        if case is not None and case.stage is not _Stage.HELD:
            self._unsettled -= 1
            self._reached -= case.is_reached

    async def run(self) -> Never:
        """Ask until cancelled. What waits is delivered in time, whether this runs or not."""
        async with asyncio.TaskGroup() as calls:
            while True:
                try:
                    async with asyncio.timeout(self._limits.look_s if self._unsettled else None):
                        await self._news.wait()
                except TimeoutError:
                    pass
                await asyncio.sleep(_GATHER_S)
                self._news.clear()
                self._find_due()
                while self._has_batch:
                    await self._free_calls.acquire()
                    # Who waited for longest may not wait any more by now.
                    batch, is_repeat = self._next_batch()
                    if not batch:
                        self._free_calls.release()
                        break
                    self._repeating_calls += is_repeat
                    calls.create_task(self._ask_about(batch, is_repeat=is_repeat))
        raise AssertionError("it runs until cancelled")

    def _ask_soon(self, case: _Case) -> None:
        self._begin_wait(case)
        self._unasked.append(case)
        self._news.set()

    def _begin_wait(self, case: _Case) -> None:
        case.waits_until = deadline = self._clock() + self._limits.wait_s
        self._deadlines.append((deadline, case))
        if self._timer is None:
            self._timer = self._loop.call_later(self._limits.wait_s, self._end_waits)

    def _find_due(self) -> None:
        """Queue the cases of which it is time to ask again; there may be thousands, so look once a second."""
        now = self._clock()
        if not self._unsettled or now < self._look_at:
            return
        self._look_at = now + self._limits.look_s
        for case in self._cases.values():
            if case.stage is not _Stage.HELD and case.waits_until is None and case.ask_at <= now:
                case.ask_at = math.inf
                self._repeats.append(case)

    @property
    def _has_batch(self) -> bool:
        return bool(self._unasked) or (bool(self._repeats) and self._repeating_calls < _REPEATS)

    def _next_batch(self) -> tuple[list[_Case], bool]:
        """Return what to ask about now, and whether that is repeated: new bad news comes first."""
        if batch := _take(self._unasked, self._waits):
            return batch, False
        if self._repeating_calls >= _REPEATS:
            return [], False
        batch = _take(self._repeats, lambda case: self._is_open(case) and case.ask_at == math.inf)
        for case in batch:
            self._begin_wait(case)
        return batch, True

    def _is_open(self, case: _Case) -> bool:
        return self._cases.get(case.key) is case

    def _waits(self, case: _Case) -> bool:
        return case.waits_until is not None and self._is_open(case)

    async def _ask_about(self, batch: Sequence[_Case], *, is_repeat: bool) -> None:
        unheard = dict(enumerate(batch))
        try:
            async with aclosing(self._ask([self._failed_vim(case) for case in batch])) as opinions:
                async for opinion in opinions:
                    if (case := unheard.pop(opinion.position, None)) is not None:
                        self._hear(case, opinion)
        finally:
            self._free_calls.release()
            self._repeating_calls -= is_repeat
            if self._has_batch:
                self._news.set()
        for case in unheard.values():
            self._hear(case, pb.SecondOpinion())

    def _hear(self, case: _Case, opinion: pb.SecondOpinion) -> None:
        # What is said too late is of use, if it says anything.
        if not self._is_open(case) or (case.waits_until is None and opinion.status == Vim.STATUS_UNSPECIFIED):
            return
        if opinion.status == Vim.REACHABLE:
            self._note_reached(case)
            self.statistics.disputed += 1
            self._dispute(case, _words_on(opinion))
        else:
            self._accept(case, is_confirmed=opinion.status == Vim.UNREACHABLE)

    def _failed_vim(self, case: _Case) -> pb.FailedVim:
        vim_id, action_id = case.key
        patience_s = patience_for(self._round_trip_of(vim_id, action_id))
        return pb.FailedVim(vim_id=vim_id, action_id=action_id, patience=duration(patience_s))

    def _end_waits(self) -> None:
        """Deliver what has waited for long enough."""
        now = self._clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, case = self._deadlines.popleft()
            if self._waits(case) and case.waits_until == deadline:
                self._accept(case, is_confirmed=False)
        self._timer = None
        if self._deadlines:
            self._timer = self._loop.call_later(max(0.0, self._deadlines[0][0] - now), self._end_waits)

    def _doubts_itself(self) -> bool:
        return self._reached >= _MANY and self._reached >= _FAR_MORE * self._confirmed

    def _note_reached(self, case: _Case) -> None:
        if not self._reached:
            self._confirmed = 0
        if not case.is_reached:
            case.is_reached = True
            self._reached += 1

    def _accept(self, case: _Case, *, is_confirmed: bool) -> None:
        if is_confirmed:
            self._confirmed += 1
            self.statistics.agreed += 1
        elif not self._is_alone() and self._may_be_told_yet(case):
            return
        elif case.stage is not _Stage.OUT:
            self.statistics.unasked += 1
        stage = case.stage
        self.forget(*case.key)
        self._agreed.add(case.key)
        if stage is _Stage.DISPUTED:
            self._deliver(self._dated_now(case.verdict))
        elif stage is _Stage.HELD:
            self._deliver(case.verdict)

    def _may_be_told_yet(self, case: _Case) -> bool:
        """Return whether others are asked again, because nobody could tell; if so, that has been arranged."""
        if self._doubts_itself():
            self.statistics.doubted += 1
            self._dispute(case, f"other monitors reach {self._reached} VIMs that this one does not")
            return True
        if case.stage is _Stage.HELD:
            # A monitor that hangs, or a conductor that restarts right now, must not hold it back. But it must not be
            # the last word on an outage that may last for hours, either.
            self.statistics.unasked += 1
            self._begin(_Stage.OUT, case)
            self._deliver(case.verdict)
            return True
        case.unanswered += 1
        if case.stage is _Stage.OUT:
            self._pause(case)
            return case.is_reached or case.unanswered < _MOST_REPEATS
        # Others have reached it: that nobody can tell for a moment says nothing against it.
        case.waits_until, case.ask_at = None, self._clock() + self._limits.first_pause_s
        if case.unanswered > _MOST_UNANSWERED and not self._is_cut_off():
            self._begin(_Stage.OUT, case)
            self._deliver(self._dated_now(case.verdict))
        return True

    def _dated_now(self, verdict: Verdict) -> Verdict:
        """Return the verdict on a VIM that was UNKNOWN until now: others did not find it unreachable for longer."""
        return replace(verdict, decided_at=self._clock())

    def _dispute(self, case: _Case, why: str) -> None:
        stage = case.stage
        if stage is _Stage.DISPUTED:
            case.unanswered = 0
            self._pause(case)
            return
        # If it was out, the VIM was UNREACHABLE until now.
        verdict = case.verdict if stage is _Stage.HELD else self._dated_now(case.verdict)
        self._begin(_Stage.DISPUTED, case)
        self._deliver(_disputed(verdict, why))

    def _begin(self, stage: _Stage, case: _Case) -> None:
        """Begin a stage in which others are asked again."""
        if case.stage is _Stage.HELD:
            self._unsettled += 1
            # The run has to wake up for it.
            self._news.set()
        case.stage, case.pause_s, case.unanswered = stage, 0.0, 0
        self._pause(case)

    def _pause(self, case: _Case) -> None:
        case.waits_until = None
        case.pause_s = min(2 * case.pause_s, self._limits.longest_pause_s) or self._limits.first_pause_s
        case.ask_at = self._clock() + case.pause_s


def _take(queue: deque[_Case], is_due: Callable[[_Case], bool]) -> list[_Case]:
    """Remove and return as many due cases as fit into a call; others that come before them are dropped."""
    batch: list[_Case] = []
    while queue and len(batch) < MAX_BATCH:
        case = queue.popleft()
        if is_due(case):
            batch.append(case)
    return batch


def _words_on(opinion: pb.SecondOpinion) -> str:
    took = f" in {seconds(opinion.round_trip) * 1000:.0f} ms" if opinion.HasField("round_trip") else ""
    reached = "others of its host, and this one did not reach it" if opinion.of_host else f"it{took}, this one did not"
    return f"monitor {opinion.monitor_id} reached {reached}"


def _disputed(verdict: Verdict, why: str) -> Verdict:
    """Return the verdict while another monitor disagrees, with what both of them see."""
    here = f"{verdict.reason}: {verdict.detail}" if verdict.detail else verdict.reason
    return replace(verdict, status=Status.UNKNOWN, reason=Reason.DISPUTED, detail=f"{why} ({here})", round_trip_s=None)
