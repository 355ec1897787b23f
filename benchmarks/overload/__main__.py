"""Floods a fleet without writing a result: python -m benchmarks.overload [--kinds reports,reads] [--seconds 120]."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks.harness.benchmark import Run
from benchmarks.overload.floods import FloodKind
from benchmarks.overload.overload import Plan, measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--kinds", default=",".join(FloodKind), help="kinds of floods, with commas between them")
    parser.add_argument("--seconds", type=float, default=120.0, help="length of each flood")
    given = parser.parse_args()
    plan = Plan(kinds=tuple(FloodKind(kind) for kind in given.kinds.split(",")), flood_s=given.seconds)
    with tempfile.TemporaryDirectory(prefix="vimesh-overload-", dir="/var/tmp") as name:
        asyncio.run(measured(Run(1, Path(name), _say), plan))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
