"""Lists the benchmarks of the conductor."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness.benchmark import Benchmark
from benchmarks.updates import batches, beside_oslo, callers, calls, observed, secured

_HERE = Path(__file__).parent

BENCHMARKS = (
    Benchmark("updates-sqlite", "One report per call, SQLite", calls.measure_on("sqlite"), _HERE / "calls.md"),
    Benchmark(
        "updates-postgresql",
        "One report per call, PostgreSQL",
        calls.measure_on("postgresql"),
        _HERE / "calls_servers.md",
    ),
    Benchmark(
        "updates-mariadb", "One report per call, MariaDB", calls.measure_on("mariadb"), _HERE / "calls_servers.md"
    ),
    Benchmark("batches-sqlite", "Reports by the hundreds, SQLite", batches.measure_on("sqlite"), _HERE / "batches.md"),
    Benchmark(
        "batches-postgresql",
        "Reports by the hundreds, PostgreSQL",
        batches.measure_on("postgresql"),
        _HERE / "batches.md",
    ),
    Benchmark("updates-oslo", "Beside oslo.messaging", beside_oslo.measure, _HERE / "beside_oslo.md"),
    Benchmark("updates-callers", "Calls per second against callers", callers.measure, _HERE / "callers.md"),
    Benchmark("updates-secured", "Reports through a secured front", secured.measure, _HERE / "secured.md"),
    Benchmark("updates-observed", "Reports with metrics and traces", observed.measure, _HERE / "observed.md"),
)
