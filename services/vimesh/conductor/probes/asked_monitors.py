"""Knows the monitors that can be asked for probes here, and passes requests and answers (G13).

What a monitor answers counts only for what it was asked, on the stream by which it was asked.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Final

from vimesh.domain.errors import BadInput, Overloaded, Violation
from vimesh.domain.probes.asked_probes import MAX_BATCH, AskedProbe, ProbeSighting
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.probes.probe_messages import requested_probe, sighting_of

MAX_STREAMS: Final = 3
"""Streams of one monitor with one conductor: it keeps one, and tries others."""
MAX_AT_ONCE: Final = 4_000
"""Probes that a monitor may be asked for at a time by one conductor."""
_MAX_SURPLUS: Final = 1_000
_GRACE_S: Final = 0.1
"""How long an answer may be on its way."""


TakeSighting = Callable[[int, ProbeSighting], object]
"""Gets what was seen by a probe, given its position among those that were asked for together."""


class _Batch:
    """Probes that were asked for together."""

    def __init__(self, size: int, on_sighting: TakeSighting) -> None:
        self._on_sighting = on_sighting
        self.sightings: list[ProbeSighting | None] = [None] * size
        self.missing = size
        self.is_complete = asyncio.Event()

    def take(self, position: int, sighting: ProbeSighting) -> None:
        self.sightings[position] = sighting
        self.missing -= 1
        if not self.missing:
            self.is_complete.set()
        self._on_sighting(position, sighting)

    def give_up(self) -> None:
        """Wait for no more answers."""
        self.is_complete.set()


class AskedMonitor:
    """One stream of one monitor."""

    def __init__(self, monitor_id: str, vantage: str) -> None:
        self.monitor_id = monitor_id
        self.vantage = vantage
        self.is_ready = False
        """Whether the monitor keeps this stream."""
        self.is_ending = False
        """Whether the conductor is about to end it."""
        self.is_silent = False
        """Whether it answered nothing in time of what it was asked last, and has said nothing since."""
        self.news = asyncio.Event()
        """Set when there is something to send, or the stream is to end."""
        self._numbers = itertools.count(1)
        self.has_ended = False
        """Whether the stream is over: what was not answered by it never will be."""
        self._surplus = 0
        """By how much the answers are more than what was asked."""
        self._unsent: dict[int, pb.RequestedProbe] = {}
        self._open: dict[int, tuple[_Batch, int]] = {}

    @property
    def open_probes(self) -> int:
        """The probes that it was asked for and has not answered."""
        return len(self._open)

    async def ask(
        self, probes: Sequence[AskedProbe], within_s: float, on_sighting: TakeSighting = lambda _position, _seen: None
    ) -> list[ProbeSighting | None]:
        """Have it make probes; return what each saw, None for those without an answer in time.

        `on_sighting` gets each answer as soon as it comes.
        """
        batch = _Batch(min(len(probes), max(0, MAX_AT_ONCE - len(self._open))), on_sighting)
        numbers = list(itertools.islice(self._numbers, batch.missing))
        for position, (number, probe) in enumerate(zip(numbers, probes, strict=False)):
            self._open[number] = (batch, position)
            self._surplus -= 1
            self._unsent[number] = requested_probe(number, probe, within_s)
        self.news.set()
        try:
            if batch.missing and not self.has_ended:
                async with asyncio.timeout(within_s + _GRACE_S):
                    await batch.is_complete.wait()
        except TimeoutError:
            self.is_silent = batch.missing == len(batch.sightings)
        finally:
            for number in numbers:
                self._open.pop(number, None)
                self._unsent.pop(number, None)
        return batch.sightings + [None] * (len(probes) - len(batch.sightings))

    def take_requests(self) -> list[pb.RequestedProbe]:
        """Return what is to be sent next: only what somebody waits for, however long the monitor has not read."""
        numbers = list(itertools.islice(self._unsent, MAX_BATCH))
        return [self._unsent.pop(number) for number in numbers]

    def end(self) -> None:
        """Tell those who wait that the stream is over."""
        self.has_ended = True
        for batch, _ in self._open.values():
            batch.give_up()

    def answer(self, answers: Iterable[pb.ProbeAnswer]) -> None:
        """Take answers. Those to what it was not asked, or not any more, are ignored.

        Raises BadInput if there are far more of them than were asked for.
        """
        for answer in answers:
            self.is_silent = False
            self._surplus += 1
            if self._surplus > _MAX_SURPLUS:
                raise BadInput(Violation("answers", "there are more than were asked for"))
            asked = self._open.pop(answer.probe_id, None)
            if asked is not None:
                batch, position = asked
                batch.take(position, sighting_of(answer, self.monitor_id, self.vantage))


class AskedMonitors:
    """The monitors that have a stream with this conductor."""

    def __init__(self) -> None:
        self._by_id: dict[str, list[AskedMonitor]] = {}
        """The streams of each, the newest last."""
        self.draining = False
        """Whether all streams must end."""

    def of_id(self, monitor_id: str) -> AskedMonitor | None:
        return next((asked for asked in reversed(self._by_id.get(monitor_id, [])) if asked.is_ready), None)

    def among(self, monitor_ids: Iterable[str]) -> list[AskedMonitor]:
        """Return those of the monitors that can be asked here."""
        return [asked for monitor_id in monitor_ids if (asked := self.of_id(monitor_id)) is not None]

    @contextmanager
    def connected(self, monitor_id: str, vantage: str) -> Generator[AskedMonitor]:
        """Be able to ask a monitor while the block runs, once it is ready. Raises Overloaded if it has many streams."""
        if len(self._by_id.get(monitor_id, ())) >= MAX_STREAMS:
            raise Overloaded
        asked = AskedMonitor(monitor_id, vantage)
        self._by_id.setdefault(monitor_id, []).append(asked)
        try:
            yield asked
        finally:
            asked.end()
            self._by_id[monitor_id].remove(asked)
            if not self._by_id[monitor_id]:
                del self._by_id[monitor_id]

    def drain(self) -> None:
        """End all streams."""
        self.draining = True
        for streams in self._by_id.values():
            for asked in streams:
                asked.news.set()
