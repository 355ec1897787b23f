"""Reads when the last VIM made contact, from the database's file next to the fleet.

A status outlives a restart, so no watcher sees the first verdict after it. The contact time shows it: the first report
of a new monitor process is always written, whatever it contains.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from benchmarks.harness.failure import NotMeasured

_LOOK_EVERY_S = 0.1
# Ends at the first VIM that it finds: counting all of them, again and again, would take the fleet's CPU.
_ANY_UNHEARD = "select exists (select 1 from leases where contact_time is null or contact_time < ?)"


async def all_heard(database: Path, since: float, within_s: float) -> float:
    """Wait until each VIM has made contact since then; return how many seconds later that was. Raises NotMeasured."""
    since_us = int(since * 1e6)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while connection.execute(_ANY_UNHEARD, (since_us,)).fetchone()[0]:
            if time.time() > since + within_s:
                raise NotMeasured(f"some VIMs were not heard of within {within_s:g} s")
            await asyncio.sleep(_LOOK_EVERY_S)
    return time.time() - since
