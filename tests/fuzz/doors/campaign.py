"""Sends inputs one at a time, measures the cost of each, judges the answers, and keeps the failures."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.doors.door import Door
from tests.fuzz.doors.meter import Meter
from tests.fuzz.doors.verdicts import Reply

CORPUS = Path(__file__).parents[1] / "corpus"
_REPEATS = 2
_MOST_FAILURES = 10
"""Maximum number per kind."""
_WARM_AFTER = 1000
"""This many inputs, or a tenth of them, may fill caches; memory that grows afterwards is leaked."""
_GROWN_MIB = 32.0
_GROWTHS = 3
"""Number of consecutive times that memory must have grown before it counts as leaked."""
_WORTH_A_LOOK_S = 0.03
"""The kernel counts in steps of 10 ms, and other calls run in between: smaller figures show nothing."""


@dataclass(frozen=True, slots=True)
class Failure:
    kind: str
    data: bytes
    what: str

    @property
    def name(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({len(self.data)} bytes): {self.what}"


@dataclass(slots=True)
class Tally:
    """The outcomes of the inputs of one kind."""

    sent: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    worst_cpu_s: float = 0.0
    """For one input, the least of several tries, in the process where it was most."""
    once_cpu_s: float = 0.0
    """The most that was measured while an input was served, including everything else that ran."""
    grown_mib: float = 0.0
    """Growth since the first inputs of the process that grew most."""
    slowest_s: float = 0.0
    """The longest time that one answer took."""
    failures: dict[str, Failure] = field(default_factory=dict)

    def note(self, failure: Failure) -> None:
        alike = failure.what.partition(":")[0]
        if len(self.failures) < _MOST_FAILURES:
            self.failures.setdefault(alike, failure)


class Campaign:
    def __init__(
        self,
        door: Door,
        meters: Sequence[Meter],
        restore: Callable[[], None] = lambda: None,
        *,
        patience: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """`restore` registers the VIMs again that inputs name.

        `patience` returns more than 1 if other work on the machine makes the same request cost more CPU.
        """
        self._patience = patience
        self._door = door
        self._meters = meters
        self._restore = restore
        self.tallies = {kind: Tally() for kind in door.kinds}

    @property
    def failures(self) -> list[Failure]:
        return [failure for tally in self.tallies.values() for failure in tally.failures.values()]

    def run(self, kind: str, random: Random, count: int, until: float = float("inf")) -> None:
        """Try `count` inputs, or as many as are possible before `until`, by the monotonic clock.

        If memory has grown, repeat this: a cache that fills up grows once, and a leak grows each time.
        """
        for _ in range(_GROWTHS):
            last, grown_mib = self._send_many(kind, random, count, until)
            if grown_mib <= _GROWN_MIB:
                return
        self.tallies[kind].note(
            Failure(kind, last, f"memory is kept: {grown_mib:.0f} MiB more, the last input for many")
        )

    def _send_many(self, kind: str, random: Random, count: int, until: float) -> tuple[bytes, float]:
        """Return the last input, and by how many MiB a process grew after the first ones."""
        warm: Sequence[float] = ()
        data = b""
        for number in range(count):
            if not self._alive():
                break
            if number % 500 == 0:
                self._restore()
            if number == min(_WARM_AFTER, count // 10):
                warm = self.resident_mib()
            data = self._door.make(random, kind)
            self.try_one(kind, data)
            if time.monotonic() > until:
                break
        grown = [now - before for now, before in zip(self.resident_mib(), warm, strict=False)]
        self.tallies[kind].grown_mib = max(grown, default=0.0)
        return data, self.tallies[kind].grown_mib

    def replay(self, kind: str, corpus: Path) -> None:
        """Try the good inputs, and those that failed in earlier runs."""
        if self._alive():
            self._restore()
        kept = sorted((corpus / kind).glob("*"))
        for data in (*self._door.good(kind), *(file.read_bytes() for file in kept)):
            if self._alive():
                self.try_one(kind, data)

    def try_one(self, kind: str, data: bytes) -> None:
        tally = self.tallies[kind]
        began = time.monotonic()
        reply, cpu_s = self._measured(kind, data)
        tally.slowest_s = max(tally.slowest_s, time.monotonic() - began)
        tally.sent += 1
        tally.codes[reply.code] += 1
        if reply.complaint:
            tally.note(Failure(kind, data, reply.complaint))
        if not self._alive():
            tally.note(Failure(kind, data, "a process has ended"))
        tally.once_cpu_s = max(tally.once_cpu_s, cpu_s)
        if cpu_s > max(tally.worst_cpu_s, _WORTH_A_LOOK_S):
            self._look_again(kind, data, cpu_s, reply.answers)

    def resident_mib(self) -> Sequence[float]:
        return [round(meter.resident_mib(), 1) for meter in self._meters if meter.runs()]

    def keep(self, corpus: Path) -> None:
        """Write the inputs that failed into the corpus."""
        for failure in self.failures:
            folder = corpus / failure.kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / failure.name).write_bytes(failure.data)

    def _look_again(self, kind: str, data: bytes, cpu_s: float, answers: int) -> None:
        """Send a costly input again: the cost of anything else that ran is not its fault."""
        for _ in range(_REPEATS):
            cpu_s = min(cpu_s, self._measured(kind, data)[1])
        tally, allowed_s = self.tallies[kind], self._door.allowed_cpu_s(data) * answers * self._patience()
        tally.worst_cpu_s = max(tally.worst_cpu_s, cpu_s)
        if cpu_s > allowed_s:
            tally.note(Failure(kind, data, f"takes too long: {1000 * cpu_s:.0f} ms of CPU, not {1000 * allowed_s:.0f}"))

    def _measured(self, kind: str, data: bytes) -> tuple[Reply, float]:
        before = [meter.cpu_s() for meter in self._meters]
        reply = self._door.send(kind, data)
        return reply, max(meter.cpu_s() - spent for meter, spent in zip(self._meters, before, strict=True))

    def _alive(self) -> bool:
        return all(meter.runs() for meter in self._meters)
