"""Lists the benchmark of a whole fleet."""

from __future__ import annotations

from benchmarks.fleet.fleet import FLEET

BENCHMARKS = (FLEET,)
