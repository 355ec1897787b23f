"""Lists the benchmark of overload."""

from __future__ import annotations

from benchmarks.overload.overload import OVERLOAD

BENCHMARKS = (OVERLOAD,)
