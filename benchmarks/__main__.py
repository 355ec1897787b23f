"""Runs the benchmarks, all or by name, and makes the page of their results.

python -m benchmarks [NAME...] [--rounds N] [--nice N] [--list] [--page]
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.catalogue import benchmarks, chosen
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.page import PAGE, RESULTS, render, stored
from benchmarks.harness.result import Figure, Result


def main() -> None:
    options = _options()
    try:
        selected = chosen(options.names)
    except KeyError as unknown:
        sys.exit(f"no such benchmark: {unknown.args[0]}; --list tells their names")
    if options.list:
        for benchmark in selected:
            sys.stdout.write(f"{benchmark.name:20} {benchmark.title}\n")
        return
    # SIGTERM should end our processes, too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Inherited by everything that we start: our processes, peers, databases and load.
    os.nice(options.nice)
    if not options.page:
        for benchmark in selected:
            _run(benchmark, options.rounds)
    _make_page()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", metavar="NAME", nargs="*", help="a benchmark, or a folder of them; default all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nice", type=int, default=0, help="below 0: before other work on the machine, all alike")
    parser.add_argument("--list", action="store_true", help="tell their names, and run none")
    parser.add_argument("--page", action="store_true", help="make the page of the results that there are, and run none")
    return parser.parse_args()


def _run(benchmark: Benchmark, rounds: int) -> None:
    begun = time.monotonic()
    found = machine.describe()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:6.1f} s  {benchmark.name}: {line}\n")
        sys.stdout.flush()

    # On disk, because syncing to it is part of what is measured. Open to all: some servers run as users of their own.
    with tempfile.TemporaryDirectory(prefix="vimesh-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            measured = asyncio.run(benchmark.measure(Run(rounds, folder, say)))
        except NotMeasured as why:
            sys.exit(f"{benchmark.name} was not measured: {why}")
    date = dt.datetime.now(dt.UTC).date().isoformat()
    result = Result(benchmark.name, benchmark.title, found, date, measured)
    RESULTS.mkdir(exist_ok=True)
    result.write(RESULTS / f"{benchmark.name}.json")
    for figure in measured.figures:
        say(_shown(figure))


def _make_page() -> None:
    from benchmarks.harness.plots import draw  # noqa: PLC0415 - measuring needs no matplotlib

    results = list(stored(benchmarks().values()))
    for _, result in results:
        draw(result)
    PAGE.write_text(render(results))


def _shown(figure: Figure) -> str:
    held = f"  goal {figure.goal:,.4g}, least {figure.least}: {figure.verdict}" if figure.goal is not None else ""
    return f"{figure.name}: {figure.median:,.4g} {figure.unit}{held}"


if __name__ == "__main__":
    main()
