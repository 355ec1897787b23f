"""Counts rounds, probes, failures and round trips, in plain numbers that any thread may read.

Only the loop of the probes writes them. Nothing here knows of metrics: actions in a Mistral executor count, too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from vimesh.domain.probing import Method, Reason
from vimesh.runtime.histogram import Histogram

HTTP_ERROR: Final = "HTTP_ERROR"
"""Stands for all `HTTP_<code>`: a server could otherwise make hundreds of reasons."""
_REASONS: Final = frozenset(word for name, word in vars(Reason).items() if name.isupper())


class ProbeCounts:
    """What probes of one method came to."""

    __slots__ = ("failures", "probes", "round_trips")

    def __init__(self) -> None:
        self.probes = 0
        """Probes begun, including those without an address to go to, and those that a local fault kept here."""
        self.failures: dict[str, int] = {}
        """Probes that failed, and probes and rounds that a local fault prevented, by reason."""
        self.round_trips = Histogram()
        """Seconds. Of pings in volleys, only one for each batch of answers that is read at once."""

    def count_failures(self, reason: str, count: int = 1) -> None:
        """Count failures for one of the words of `Reason`, or for an HTTP status."""
        word = reason if reason in _REASONS else HTTP_ERROR
        self.failures[word] = self.failures.get(word, 0) + count


class LookupResult(StrEnum):
    """What asking name servers for a name came to."""

    ADDRESSES = "addresses"
    NO_SUCH_NAME = "no_such_name"
    FAILED = "failed"


class ProbeStatistics:
    """What all rounds of a process came to."""

    def __init__(self) -> None:
        self.rounds = 0
        """Rounds begun; a volley begins one for each VIM that it is sent to."""
        self.by_method = {method: ProbeCounts() for method in Method}
        self.lookups = dict.fromkeys(LookupResult, 0)
        """Questions for the addresses of a name, of both families."""
