"""The classes of calls: each has limits of its own, so that a flood of one takes nothing from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vimesh.envoy.traffic import retries


@dataclass(frozen=True, slots=True)
class CallClass:
    """What is over the limit is refused at once: a caller that is told so waits better than a call in a queue."""

    name: str
    max_calls: int
    """How many may be under way through one Envoy, whatever the number of conductors; with `streams`, how many may wait
    there beside those that are under way."""
    min_repeats: int = 200
    """How many may be made again at a time, when that is more than a fifth of what is under way."""
    streams: int | None = None
    """How many a conductor is given at a time by each of Envoy's workers; the others wait in Envoy, where a call costs
    little. None: all that come."""

    def circuit_breakers(self) -> dict[str, object]:
        limits = {
            # Each worker has one connection to each host whatever the limit, so 1 means: no second one.
            "max_connections": MAX_CONNECTIONS if self.streams is None else 1,
            # While a connection is being made, all calls may wait for it.
            "max_pending_requests": self.max_calls,
            "max_requests": self.max_calls,
            "retry_budget": retries.budget(self.min_repeats),
        }
        return {"thresholds": [limits]}


MAX_CONNECTIONS: Final = 256
"""To all hosts together. Calls share few: one for each conductor and each worker of Envoy."""

# All actions of a fleet may be back in one moment, each over a connection of its own: these are seconds of work for two
# conductors, and shorter than what callers wait. What is under way in a conductor delays all else there, so most of
# them wait in Envoy. Half of 3,000 calls are made again when one of two conductors is killed.
REPORTS: Final = CallClass("reports", 6_000, min_repeats=2_000, streams=128)
# One call for hundreds of VIMs, and the streams of monitors and drivers: they wait behind nobody's single reports.
MONITORS: Final = CallClass("monitors", 4_000)
# A conductor that is well answers each within 10 ms or so. Several hundred under way are seconds of work for two of
# them, and more would only wait for each other until their callers have left.
CHANGES: Final = CallClass("changes", 512)
READS: Final = CallClass("reads", 512)
# A page takes as long as many reads of single VIMs. No more of them are under way in a conductor than it takes, because
# each that it refuses costs it a fifth of a page; the others wait in Envoy for some seconds at most.
LISTS: Final = CallClass("lists", 64, streams=3)
# They cost little while nothing changes, and live for days: the limit is how many screens a fleet may have.
WATCHES: Final = CallClass("watches", 6_000)

CALL_CLASSES: Final = (REPORTS, MONITORS, CHANGES, READS, LISTS, WATCHES)
