"""Lists the probing benchmarks, in the order of the page."""

from __future__ import annotations

from benchmarks.probes.dark import DARK
from benchmarks.probes.growth import GROWTH
from benchmarks.probes.history import HISTORY
from benchmarks.probes.pings import PINGS
from benchmarks.probes.stall import STALL
from benchmarks.probes.web import HTTP

BENCHMARKS = (PINGS, HISTORY, HTTP, GROWTH, DARK, STALL)
