"""Plays histories one after the other on one store, each by a seed of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from tests.simulation.explanations.claim_truth import Untrue
from tests.simulation.explanations.histories import History, Tally
from tests.support.sql.stores import create_file, sqlite_url, store_at

STEPS: Final = 16
_MEMORY: Final = Path("/dev/shm")


async def play_histories(seeds: range) -> Tally:
    """Play the history of each seed, and return what was judged. Raises Untrue, which names the seed."""
    tally = Tally()
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        await asyncio.to_thread(create_file, file := Path(folder) / "vimesh.sqlite")
        async with store_at(sqlite_url(file), has_tables=True) as store:
            for seed in seeds:
                try:
                    await History(store, Random(seed), tally).play(STEPS)
                except Untrue as error:
                    raise Untrue(f"seed {seed}: {error}") from error
    return tally
