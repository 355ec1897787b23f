"""Decides whether the monitor's own network worked while VIMs did not answer (G16). Pure: time is passed in.

References are asked once a second. Before the last probe of a round that goes badly, and whenever a verdict has to
wait for them, they are asked at once, together for all VIMs. What counts is when those of their probes left that were
answered: while the monitor's network is away, none is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import Enum, auto

from vimesh.monitor.references.question_times import QuestionTimes
from vimesh.monitor.references.reference_addresses import REFERENCE_LIMIT_S

INTERVAL_S = 1.0
"""Time between two questions while nothing is in doubt."""
FAILING_INTERVAL_S = 0.5
"""The same while no reference answers: how soon it is noticed that they are back."""
SPACING_S = 0.2
"""Shortest time between two questions, however many VIMs fail."""
PATIENCE_S = 0.25
"""Silence that makes a question be repeated; longer for references with a long round trip."""
LONGEST_GAP_S = 1.5 * INTERVAL_S
"""At rest, answered questions are never further apart. A failure within a longer gap may be an outage of ours."""
HOLD_LIMIT_S = REFERENCE_LIMIT_S + SPACING_S + 0.1
"""A verdict waits no longer than this for the references."""


class Testimony(Enum):
    """What the references say about a round that failed."""

    VOUCHED = auto()
    """The network of the monitor worked: the VIM failed."""
    UNDECIDED = auto()
    """They have been asked, and have not answered yet."""
    DOUBTFUL = auto()
    """They answer now, but may have been out of reach during the round: it does not count."""
    FAILING = auto()
    """None of them answers: the monitor cannot accuse anybody."""


class Uplink:
    """What the references have shown so far. Whoever sends the probes calls `advance` when `due_at` has come."""

    def __init__(self, now: float) -> None:
        self.is_failing = False
        """Whether no reference answers."""
        self.due_at = now
        """When to call `advance`: never before now."""
        self._answered = QuestionTimes()
        self._answered_at: dict[float, float] = {}
        """When the first answer to each of those questions came."""
        self._lost = QuestionTimes()
        """Those to which no answer came, while a later one was answered."""
        self._asked_at = -math.inf
        self._open_questions: list[float] = []
        """When the questions were sent that are newer than the newest answered one."""
        self._patience_s = PATIENCE_S
        self._urgent_at = math.inf
        """When somebody wants them to be asked."""
        self._on_news: list[Callable[[], object]] = []

    def notify(self, on_news: Callable[[], object]) -> None:
        """Call this whenever what `judge` returns may have changed."""
        self._on_news.append(on_news)

    def judge(self, begin: float, end: float) -> Testimony:
        """Return what the references say about failures of which the last probe left at `end`.

        An outage of the monitor's network explains all of them only if it lasted from before `begin` until after `end`.
        An answer shows that the network worked at some time between question and answer, because systems repeat
        packets, and keep some while they look for the next router.
        """
        if self.is_failing:
            return Testimony.FAILING
        before, after = self._answered.around(begin)
        if after is None:
            return Testimony.UNDECIDED
        if self._answered_at[after] <= end:
            return Testimony.VOUCHED
        if before is None or after - before > LONGEST_GAP_S:
            return Testimony.DOUBTFUL
        _, lost = self._lost.around(before)
        return Testimony.VOUCHED if lost is None or lost > after else Testimony.DOUBTFUL

    def ask(self, now: float) -> None:
        """Ask the references as soon as possible, together with all others who want that."""
        if self._urgent_at == math.inf:
            self._urgent_at = max(now, self._asked_at + SPACING_S)
            self._schedule(now)

    def advance(self, now: float) -> bool:
        """Note the time; return whether all references are to be asked now."""
        if not self.is_failing and self._open_questions and now >= self._open_questions[0] + REFERENCE_LIMIT_S:
            self.is_failing = True
            self._lose(self._open_questions)
            self._open_questions = []
            self._announce()
        asks = now >= self._ask_at()
        if asks:
            self._asked_at = now
            self._urgent_at = math.inf
            if not self.is_failing:
                self._open_questions.append(now)
        self._schedule(now)
        return asks

    def note_answer(self, asked_at: float, round_trip_s: float, now: float) -> None:
        """Note that a reference has answered the question of that time."""
        if self._answered.add(asked_at):
            self._answered_at[asked_at] = now
            for forgotten in self._answered.trim():
                del self._answered_at[forgotten]
        self._lost.discard(asked_at)
        self._patience_s = min(max(PATIENCE_S, 2 * round_trip_s), REFERENCE_LIMIT_S)
        self._lose(question for question in self._open_questions if question < asked_at)
        self._open_questions = [question for question in self._open_questions if question > asked_at]
        if self.is_failing:
            self.is_failing = False
            self._open_questions = []
        self._schedule(now)
        self._announce()

    def _lose(self, questions: Iterable[float]) -> None:
        for question in questions:
            self._lost.add(question)
        self._lost.trim()

    def _ask_at(self) -> float:
        rest_s = FAILING_INTERVAL_S if self.is_failing else INTERVAL_S
        pause_s = self._patience_s if self._open_questions else rest_s
        return min(self._asked_at + pause_s, self._urgent_at)

    def _schedule(self, now: float) -> None:
        due_at = self._ask_at()
        if self._open_questions and not self.is_failing:
            due_at = min(due_at, self._open_questions[0] + REFERENCE_LIMIT_S)
        # A time in the past would be taken for a loop that is late.
        self.due_at = max(now, due_at)

    def _announce(self) -> None:
        for on_news in self._on_news:
            on_news()
