"""Tunes the garbage collector for a process that serves many calls or VIMs."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Run the garbage collector rarely: nearly everything that a call or a probe leaves is freed without it.

    With default thresholds, it walks over the calls in flight and the state of each VIM again and again. Call this once
    in a process of our own.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
