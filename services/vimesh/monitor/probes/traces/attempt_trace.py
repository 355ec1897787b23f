"""The seam between traced connections and what keeps their traces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.sightings import Sightings
from vimesh.monitor.probes.traces.answer_head import MOST_BYTES


@dataclass(slots=True)
class AttemptTrace:
    """What one connection has come to. Times are of the monotonic clock; 0: it did not come so far."""

    address: ProbeAddress
    begun_at: float
    connected_at: float = 0.0
    encrypted_at: float = 0.0
    first_byte_at: float = 0.0
    answered_at: float = 0.0
    reason: str = ""
    detail: str = ""
    head: bytes = b""
    """The beginning of the answer."""

    def take(self, piece: bytes) -> None:
        """Take in a piece of the answer."""
        self.head += piece[: MOST_BYTES - len(self.head)]


class RoundTrace(Sightings, Protocol):
    """Takes what the connections of one round see."""

    awaits_body: bool
    """Whether the rest of an answer is under way that says whether the service is ready."""

    def begin(self, address: ProbeAddress) -> AttemptTrace:
        """Return where a new connection notes how far it comes."""
        ...
