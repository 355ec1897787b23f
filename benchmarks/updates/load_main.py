"""Generates load in a process of its own: prints a Tally as JSON, or ends with an error.

Not run by hand: see load.py.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.updates import frame_client, grpc_client
from benchmarks.updates.calling import Calls
from benchmarks.updates.work import BATCH_PATH, EMPTY_PATH, UPDATE_PATH, Task, Watched, Work, batch, task_of


def main() -> None:
    given = _given()
    vims = [Watched(*row.split()) for row in given.vims.read_text().splitlines()] if given.vims else []
    task = task_of(given.work, vims)
    if given.per_call > 1:
        task = _batches(task, given)
    path = EMPTY_PATH if given.work is Work.EMPTY else BATCH_PATH if given.per_call > 1 else UPDATE_PATH
    calls = Calls(task, first=given.first, count=given.count, warm_up_s=given.warm_up, seconds=given.seconds)
    if given.client == "frames":
        frame_client.drive(given.address, path, calls, callers=given.callers, connections=given.connections)
    else:
        asyncio.run(grpc_client.drive(given.address, path, calls, callers=given.callers, credentials=given.credentials))
    sys.stdout.write(calls.tally().to_json() + "\n")


def _batches(task: Callable[[int], Task], given: argparse.Namespace) -> Callable[[int], Task]:
    # Before the clock runs: how fast a client makes messages is not measured.
    size = given.per_call
    made = {
        number: batch([task(number * size + offset) for offset in range(size)])
        for number in range(given.first, given.first + given.count)
    }
    return made.__getitem__


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("work", type=Work)
    parser.add_argument("--client", choices=("frames", "grpc"), default="frames")
    parser.add_argument("--vims", type=Path)
    parser.add_argument("--callers", type=int, default=256)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--per-call", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--credentials", type=Path)
    parser.add_argument("--warm-up", type=float, default=0.3)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
