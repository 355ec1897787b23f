"""Defines the classes of calls. Each has its own limits, so that a flood of one does not affect the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vimesh.envoy.traffic import retries


@dataclass(frozen=True, slots=True)
class CallClass:
    """Calls above the limit are refused at once: a caller that knows waits at less cost than a call in a queue."""

    name: str
    max_calls: int
    """Maximum number of calls in flight through one Envoy, whatever the number of conductors; with `streams`, the
    maximum number that may wait in Envoy besides those in flight."""
    min_repeats: int = 200
    """Number of retries allowed at a time, even if that is more than a fifth of the calls in flight."""
    streams: int | None = None
    """Maximum number of calls that each worker of Envoy sends to a conductor at a time; the others wait in Envoy, where
    a call costs little. None: no limit."""

    def circuit_breakers(self) -> dict[str, object]:
        limits = {
            # Each worker has one connection to each host, whatever the limit: 1 prevents a second one.
            "max_connections": MAX_CONNECTIONS if self.streams is None else 1,
            # All calls may wait while a connection is being established.
            "max_pending_requests": self.max_calls,
            "max_requests": self.max_calls,
            "retry_budget": retries.budget(self.min_repeats),
        }
        return {"thresholds": [limits]}


MAX_CONNECTIONS: Final = 256
"""Maximum for all hosts together. Few are needed: one for each pair of a conductor and a worker of Envoy."""

# All actions of a fleet may report at the same moment, each over its own connection: that is a few seconds of work for
# two conductors, less than callers wait. Calls in flight in a conductor delay everything else there, so most of these
# wait in Envoy. If one of two conductors is killed, half of 3,000 calls are retried.
REPORTS: Final = CallClass("reports", 6_000, min_repeats=2_000, streams=128)
# Calls that carry hundreds of VIMs, and the streams of monitors and drivers: they must not wait behind single reports.
MONITORS: Final = CallClass("monitors", 4_000)
# Changes are written one at a time, two or three hundred per second: this many wait about a second. All fit into one
# conductor, so Envoy refuses the others, and no conductor spends its time on refusals.
CHANGES: Final = CallClass("changes", 192)
# A healthy conductor answers each read within about 10 ms. Several hundred in flight are seconds of work for two of
# them, and more calls would only wait for each other until their callers give up.
READS: Final = CallClass("reads", 512)
# A page takes as long as many reads of single VIMs. A conductor gets no more of them at a time than it admits, because
# each refusal costs it a fifth of a page; the others wait in Envoy, for a few seconds at most.
LISTS: Final = CallClass("lists", 64, streams=3)
# Watches cost little while nothing changes, and stay open for long: the limit is the number of screens of a fleet.
WATCHES: Final = CallClass("watches", 6_000)

CALL_CLASSES: Final = (REPORTS, MONITORS, CHANGES, READS, LISTS, WATCHES)
