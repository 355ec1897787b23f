"""Counts redeliveries of messages, so that one that breaks the connection each time can be dropped."""

from __future__ import annotations

from collections import OrderedDict

_MAX_REDELIVERIES = 3
_REMEMBERED = 10_000


class Redeliveries:
    """Counts by fingerprint; those not redelivered for the longest time are forgotten first.

    A call is redelivered if the connection broke while it was served, and a second and third time if the network is
    bad. One that is redelivered a fourth time to the same process is taken to be what breaks the connection.
    """

    def __init__(self, most: int = _MAX_REDELIVERIES, remembered: int = _REMEMBERED) -> None:
        self._most = most
        self._remembered = remembered
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def exceeds_limit(self, fingerprint: bytes) -> bool:
        """Count a redelivery; return whether there were too many."""
        count = self._counts.pop(fingerprint, 0) + 1
        self._counts[fingerprint] = count
        if len(self._counts) > self._remembered:
            self._counts.popitem(last=False)
        return count > self._most
