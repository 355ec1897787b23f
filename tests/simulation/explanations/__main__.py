"""Plays many histories: `python -m tests.simulation.explanations --histories 10000 [--first SEED]`.

Ends with the first explanation that is not true, and its seed.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from tests.simulation.explanations.play_histories import play_histories


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.explanations", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000, help="Number of histories (default: 10000)")
    parser.add_argument("--first", type=int, default=0, help="Seed of the first one (default: 0)")
    arguments = parser.parse_args()
    began_at = time.process_time()
    tally = asyncio.run(play_histories(range(arguments.first, arguments.first + arguments.histories)))
    print(
        f"{tally.histories} histories, {tally.explanations} explanations, {tally.claims} claims true of the state,"
        f" {tally.played} foreseen changes came: {time.process_time() - began_at:.0f} s of CPU"
    )


if __name__ == "__main__":
    main()
