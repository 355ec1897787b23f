"""How often the broker gave a message once more: one that ends the connection each time is not worth another one."""

from __future__ import annotations

from collections import OrderedDict

_MOST_COMEBACKS = 3
_REMEMBERED = 10_000


class Redeliveries:
    """Counts by fingerprint; the oldest are forgotten first.

    A call comes again when the connection broke while it was served, and a second and third time when the network is
    bad. What comes a fourth time within the life of this process breaks it.
    """

    def __init__(self, most: int = _MOST_COMEBACKS, remembered: int = _REMEMBERED) -> None:
        self._most = most
        self._remembered = remembered
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def one_more(self, fingerprint: bytes) -> bool:
        """Note that it came again; say whether it did so too often."""
        count = self._counts.pop(fingerprint, 0) + 1
        self._counts[fingerprint] = count
        if len(self._counts) > self._remembered:
            self._counts.popitem(last=False)
        return count > self._most
