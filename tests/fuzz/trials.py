"""Tries inputs, measures them, and keeps those that fail."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz.parser import Parser

_REPEATS = 3
"""Number of further tries, the least of which is the CPU of an input: other work of the machine is not its fault."""
_MOST_KEPT = 20


@dataclass(frozen=True, slots=True)
class Failure:
    data: bytes
    what: str
    """Where and how it failed: of several inputs that fail alike, one is kept."""
    trace: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.trace}"


@dataclass(slots=True)
class Trials:
    """The trials of one parser."""

    parser: Parser
    measure_apart: Callable[[str, bytes], float] | None = None
    """Measures an input by the parser's name, for a process in which everything takes longer than usual."""
    patience: Callable[[], float] = lambda: 1.0
    """Returns more than 1 if other work on the machine makes the same input cost more CPU."""
    tried: int = 0
    slowest_ms: float = 0.0
    _slowest_here_ms: float = 0.0
    """Measured in this process, which may be instrumented."""
    failures: dict[str, Failure] = field(default_factory=dict)

    def run(self, data: bytes) -> None:
        """Try one input; a failure is recorded, and nothing is raised."""
        self.tried += 1
        began = time.thread_time()
        try:
            self.parser.read(data)
        except Exception as error:  # noqa: BLE001 - any at all is what is looked for
            self._note(Failure(data, _place_of(error), traceback.format_exc()))
            return
        if (took_ms := 1000 * (time.thread_time() - began)) > self._slowest_here_ms:
            self._measure(data, took_ms)

    def keep(self) -> None:
        """Write the inputs that failed into the corpus."""
        self.parser.corpus.mkdir(parents=True, exist_ok=True)
        for failure in self.failures.values():
            name = hashlib.sha256(failure.data).hexdigest()[:16]
            (self.parser.corpus / name).write_bytes(failure.data)

    def _measure(self, data: bytes, took_ms: float) -> None:
        for _ in range(_REPEATS):
            began = time.thread_time()
            self.parser.read(data)
            took_ms = min(took_ms, 1000 * (time.thread_time() - began))
        self._slowest_here_ms = max(self._slowest_here_ms, took_ms)
        if took_ms > self.parser.limit_ms and self.measure_apart is not None:
            took_ms = min(took_ms, self.measure_apart(self.parser.name, data))
        self.slowest_ms = max(self.slowest_ms, took_ms)
        if took_ms > self.parser.limit_ms and took_ms > self.parser.limit_ms * self.patience():
            self._note(Failure(data, "takes too long", f"takes {took_ms:.1f} ms of CPU, not {self.parser.limit_ms} ms"))

    def _note(self, failure: Failure) -> None:
        if len(self.failures) < _MOST_KEPT:
            self.failures.setdefault(failure.what, failure)


def _place_of(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.filename.rpartition('/')[2]}:{last.lineno}"
