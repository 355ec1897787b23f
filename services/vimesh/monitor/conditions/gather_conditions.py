"""Builds what gathers conditions from its parts."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Generator
from contextlib import contextmanager

import structlog

from vimesh.monitor.conditions.certificate_reader import can_read
from vimesh.monitor.conditions.certificate_watch import CertificateWatch
from vimesh.monitor.conditions.condition_book import ConditionBook
from vimesh.monitor.conditions.target_conditions import TargetConditions
from vimesh.runtime.daemon_threads import DaemonThreads

_log = structlog.get_logger()


@contextmanager
def gathering(loop: asyncio.AbstractEventLoop) -> Generator[TargetConditions]:
    """Yield what takes the sightings of a host, as long as the block. A thread reads certificates."""
    book = ConditionBook()
    if not can_read():
        _log.warning("certificates of VIMs cannot be read: the package cryptography is missing")
        yield TargetConditions(book, None)
        return
    with DaemonThreads(1, "vimesh-certificates") as thread:
        certificates = CertificateWatch(
            book,
            clock=time.monotonic,
            now=lambda: dt.datetime.now(dt.UTC),
            run_apart=thread.submit,
            call_in_loop=loop.call_soon_threadsafe,
            call_later=loop.call_later,
        )
        yield TargetConditions(book, certificates)
