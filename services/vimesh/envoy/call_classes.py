"""The classes of calls: each has limits of its own, so that a flood of one takes nothing from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vimesh.envoy import retries


@dataclass(frozen=True, slots=True)
class CallClass:
    """What is over the limit is refused at once: a caller that is told so waits better than a call in a queue."""

    name: str
    max_calls: int
    """How many may be under way through one Envoy, whatever the number of conductors."""
    min_repeats: int = 200
    """How many may be made again at a time, when that is more than a fifth of what is under way."""

    def circuit_breakers(self) -> dict[str, object]:
        limits = {
            "max_connections": MAX_CONNECTIONS,
            # While a connection is being made, all calls may wait for it.
            "max_pending_requests": self.max_calls,
            "max_requests": self.max_calls,
            "retry_budget": retries.budget(self.min_repeats),
        }
        return {"thresholds": [limits]}


MAX_CONNECTIONS: Final = 256
"""To all hosts together. Calls share few: one for each conductor and each worker of Envoy."""

# All actions of a fleet may be back in one moment, each over a connection of its own, beside the 3,000 calls that one
# monitor may have under way; half of those are made again when one of two conductors is killed. Conductors refuse what
# is too much for them (rpc/admission.py).
REPORTS: Final = CallClass("reports", 10_000, min_repeats=2_000)
# A conductor that is well answers each within 10 ms or so. Several hundred under way are seconds of work for two of
# them, and more would only wait for each other until their callers have left.
CHANGES: Final = CallClass("changes", 512)
READS: Final = CallClass("reads", 512)
# They cost little while nothing changes, and live for days: the limit is how many screens a fleet may have.
WATCHES: Final = CallClass("watches", 6_000)

CALL_CLASSES: Final = (REPORTS, CHANGES, READS, WATCHES)
