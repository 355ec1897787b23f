"""Counts calls to Mistral, in plain numbers. Several threads count, and any may read."""

from __future__ import annotations

import threading
from typing import Final

from vimesh.runtime.histogram import Histogram

OK: Final = "ok"
REFUSED: Final = "refused"
"""A status of 4xx, which may be what was to be expected, such as for a workflow that exists."""
UNAVAILABLE: Final = "unavailable"


class MistralStatistics:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: dict[tuple[str, str], int] = {}
        """By name and result."""
        self.durations: dict[str, Histogram] = {}
        """Seconds, without the wait for a thread, by name."""

    def count(self, call: str, result: str, took_s: float) -> None:
        with self._lock:
            self.calls[call, result] = self.calls.get((call, result), 0) + 1
            if (durations := self.durations.get(call)) is None:
                durations = self.durations[call] = Histogram()
            durations.observe(took_s)
