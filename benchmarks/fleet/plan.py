"""Plans how large the fleets are, and for how long each is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    size: int = 100_000
    """Number of VIMs in the fleet whose whole life is measured."""
    smaller: tuple[int, ...] = (1_000, 10_000)
    """Fleets that are measured in steady state only: does a VIM cost the same in each?"""
    interval_s: int = 10
    """Time between two rounds of probes of one VIM."""
    dark: int = 10
    """One VIM in this many goes dark."""
    settle_s: float = 45.0
    """From the first verdicts after a cold start to the window. By then, reports that came together are spread, and
    leases that were granted together are renewed within the window."""
    window_s: float = 60.0
    smaller_settle_s: float = 10.0
    smaller_window_s: float = 20.0
    empty_settle_s: float = 5.0
    empty_window_s: float = 10.0


PLAN = Plan()
