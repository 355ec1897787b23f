"""Runs one flood in a process of its own, and prints the outcome as JSON. Not run by hand: see overload.py."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.harness import usage
from benchmarks.overload.floods import FloodKind, flood
from benchmarks.overload.pump import Pump


def main() -> None:
    given = _given()
    pump = Pump(
        flood(given.kind, given.vims.read_text().split()),
        cpu_s=lambda: sum(map(usage.cpu_s, given.fleet)),
        first=given.first,
    )
    position = pump.run(
        given.address,
        connections=given.connections,
        rate=given.rate,
        callers=given.callers,
        warm_up_s=given.warm_up,
        seconds=given.seconds,
    )
    took = sorted(pump.tally.took_s) or [float("nan")]
    document = {
        "offered_per_s": pump.offered / given.seconds,
        "done_per_s": pump.tally.done_in_time / given.seconds,
        "fleet_cores": pump.fleet_cpu_s / given.seconds,
        "own_cores": pump.own_cpu_s / given.seconds,
        "outcomes": pump.tally.outcomes,
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[int(len(took) * 0.99)],
        "next": position,
    }
    sys.stdout.write(json.dumps(document) + "\n")


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("kind", type=FloodKind)
    parser.add_argument("--vims", type=Path, required=True)
    parser.add_argument("--fleet", type=int, nargs="+", required=True, help="process ids, whose CPU is counted")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
