"""Runs and counts calls for a limited time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Tally:
    """The findings of a load generator."""

    answered: int
    """Number of all calls, including the warm-up: each one was answered correctly."""
    calls_per_s: float
    p50_ms: float
    p99_ms: float
    client_cpu_s: float

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Tally:
        return cls(**json.loads(text))


class WrongAnswer(Exception):
    """A call failed, or its answer was wrong."""

    @classmethod
    def of(cls, answer: bytes, wanted: bytes) -> WrongAnswer:
        differs = next((at for at, (a, b) in enumerate(zip(answer, wanted, strict=False)) if a != b), len(answer))
        shown = [text[differs : differs + 40].hex() or "nothing" for text in (answer, wanted)]
        return cls(f"answered {shown[0]} instead of {shown[1]}, from byte {differs} on")


class Calls(Generic[_T]):
    """Hands out the tasks of a run, and records how long each took. Times are of time.perf_counter."""

    def __init__(self, task: Callable[[int], _T], *, first: int, count: int, warm_up_s: float, seconds: float) -> None:
        """Start calls for `seconds` after a warm-up, at most `count` of them; 0: any number."""
        self._task = task
        self._next = first
        self._last = first + count if count else None
        self._warm_up_s = warm_up_s
        self._seconds = seconds
        self._begin = float("inf")
        self._end = float("inf")
        self._answered = 0
        self._newest = 0.0
        self._took: list[float] = []
        self._cpu_before_s = time.process_time()

    def take(self, now: float) -> _T | None:
        """Return the next task; None when no more should start."""
        if now >= self._end or self._next == self._last:
            return None
        if self._begin > now + self._warm_up_s:
            # The clock runs from the first call on.
            self._begin = now + self._warm_up_s
            self._end = self._begin + self._seconds
        position = self._next
        self._next += 1
        return self._task(position)

    def answered(self, begun: float, now: float) -> None:
        self._answered += 1
        if self._begin <= now <= self._end:
            self._newest = now
            self._took.append(now - begun)

    def tally(self) -> Tally:
        """Sum up. Raises WrongAnswer if nothing was answered in time."""
        if not self._took:
            raise WrongAnswer("no call was answered in the time that is measured")
        self._took.sort()
        lasted = (self._newest if self._next == self._last else self._end) - self._begin
        return Tally(
            answered=self._answered,
            calls_per_s=len(self._took) / lasted,
            p50_ms=1000 * self._took[len(self._took) // 2],
            p99_ms=1000 * self._took[int(len(self._took) * 0.99)],
            client_cpu_s=time.process_time() - self._cpu_before_s,
        )
