"""Gives the collectors of a conductor, and its page of VIMs, to what serves its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Never

from vimesh.conductor.metrics.conductor_collector import ConductorCollector, ConductorParts
from vimesh.conductor.metrics.database_reading import DatabaseReading
from vimesh.conductor.metrics.store_collector import StoreCollector
from vimesh.conductor.metrics.vim_page import vim_page
from vimesh.domain.vim_store import VimStore
from vimesh.metrics.exposition import Exposition


def expose(exposition: Exposition, store: VimStore, parts: ConductorParts) -> Callable[[], Awaitable[Never]]:
    """Add everything, and return what has to run in the loop meanwhile, until it is cancelled."""
    reading = DatabaseReading(store)
    exposition.register(ConductorCollector(parts), StoreCollector(store.statistics, parts.reports, reading))
    exposition.add_page("/metrics/vims", vim_page(store, asyncio.get_running_loop()))
    return reading.run
