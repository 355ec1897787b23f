"""Lists the benchmarks of a whole fleet."""

from __future__ import annotations

from benchmarks.fleet.fleet import FLEET
from benchmarks.fleet.observed import OBSERVED

BENCHMARKS = (FLEET, OBSERVED)
