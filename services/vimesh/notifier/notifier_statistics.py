"""Counts what a notifier does, in plain numbers that its collector shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from vimesh.runtime.histogram import Histogram

AGES_S: Final = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""Bounds for the age of the oldest change in a notification, which waits for its group, and at worst for retries."""


@dataclass(slots=True)
class NotifierStatistics:
    notifications: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Attempts by the kind of the notification and what became of it: delivered, delayed, dead, gone."""
    delivery_age: Histogram = field(default_factory=lambda: Histogram(AGES_S))
    """Seconds from the oldest change in a notification to its delivery."""
    retries: int = 0
    receivers: int = 0
    """Receivers that this notifier has claimed."""
    pending_changes: int = 0
    missed_changes: int = 0
    """How often changes were compacted before they were read."""
    claims_lost: int = 0
    failing_since: dict[str, float] = field(default_factory=dict)
    """By receiver id, the monotonic time of the first of its failed attempts in a row."""
    is_connected: bool = False
    """Whether the last call to claim receivers succeeded."""
