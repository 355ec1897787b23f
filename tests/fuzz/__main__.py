"""python -m tests.fuzz: feeds every reader of foreign bytes with what nobody should send, for some minutes each."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fuzz import registry
from tests.fuzz.doors.doors import DOORS
from tests.fuzz.doors.run import HEAD, RunSettings, run_door

PROBER = "prober"
"""Not one parser, but all of them in a real prober, against a server that answers at random."""
TARGETS = (*registry.NAMES, PROBER, *DOORS)
_ROOT = Path(__file__).parents[2]
_SLACK_S = 90.0
_NICE = ("nice", "-n", "5")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be repeated; by default all")
    parser.add_argument("--seed", help="of a run of doors that is to be made again")
    parser.add_argument("--requests", type=int, default=10**9, help="of a door, at most so many of each kind")
    parser.add_argument("--kind", action="append", default=[], help="of a door, only these, such as UpdateVims")
    return parser.parse_args()


def main() -> int:
    given = _arguments()
    targets = given.target or TARGETS
    failures = [*_fuzz_parsers([name for name in targets if name not in DOORS], given.minutes)]
    seed = given.seed or str(time.time_ns())
    settings = RunSettings(seed, given.minutes, given.requests, given.kind)
    for name in (name for name in targets if name in DOORS):
        print(f"{name}, seed {seed}\n{HEAD}", flush=True)
        failures += [f"{name}: {failure}" for failure in run_door(name, settings)]
    for failure in failures:
        print(failure)
    return 1 if failures else 0


def _fuzz_parsers(names: Sequence[str], minutes: float) -> list[str]:
    if names:
        head = f"{'parser':<12} {'inputs':>10} {'per s':>8} {'slowest ms':>11} {'grown MiB':>10} {'failures':>9}"
        print(head, flush=True)
    return [failure for name in names for failure in _fuzz(name, minutes)]


def _fuzz(name: str, minutes: float) -> list[str]:
    """Print the figures of one parser; return its failures."""
    module = "tests.fuzz.random_prober" if name == PROBER else "tests.fuzz.worker"
    command = [*_NICE, sys.executable, "-m", module, name, str(60 * minutes)]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=60 * minutes + _SLACK_S, check=False
        )
    except subprocess.TimeoutExpired:
        return [f"{name}: does not come to an end"]
    if done.returncode:
        return [f"{name}: ended with {done.returncode}\n{done.stderr[-4000:]}"]
    outcome = json.loads(done.stdout.splitlines()[-1])
    _print_row(name, outcome)
    return [f"{name}: {failure}" for failure in outcome["failures"]]


def _print_row(name: str, outcome: dict[str, Any]) -> None:
    numbers = f"{outcome['tried']:>10} {outcome['per_s']:>8} {outcome['slowest_ms']:>11} {outcome['grown_mib']:>10}"
    print(f"{name:<12} {numbers} {len(outcome['failures']):>9}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
