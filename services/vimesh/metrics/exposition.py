"""Takes the collectors of a process, and serves what they collect while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from vimesh.http.http_listener import bound_to, listening
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.metrics_server import answering_scrapes, tls_for_readers
from vimesh.metrics.process_metrics import register_process_metrics
from vimesh.metrics.scrape_app import Page, scrape_app
from vimesh.runtime.loop_lag import LoopLag

_log = structlog.get_logger()


class Collector(Protocol):
    """What prometheus-client asks at each scrape.

    It is called in a thread of its own while the process works: it reads plain numbers, copies a mapping before it
    goes through it, waits for nothing, and takes a millisecond at most.
    """

    def collect(self) -> Iterable[Metric]: ...


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    listen: str
    """`host:port`, where port 0 picks a free port, or `unix:` and a path."""
    credentials: Path | None = None
    """Folder with the certificates of the process; None: it has none, and serves metrics on loopback addresses only."""


class Exposition:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.pages: dict[str, Page] = {}
        """What is served beside `/metrics`, by path."""

    def register(self, *collectors: Collector) -> None:
        """Add collectors. Those that are added later count from the next scrape on."""
        for collector in collectors:
            self.registry.register(collector)

    def add_page(self, path: str, page: Page) -> None:
        """Serve a page of text at a path of its own."""
        self.pages[path] = page


@asynccontextmanager
async def exposition_of(component: Component, settings: MetricsSettings) -> AsyncGenerator[Exposition]:
    """Serve metrics while the block runs, which gives its collectors to what this yields.

    Raises BadSetting if it cannot listen, or needs credentials for the address.
    """
    exposition = Exposition()
    lag = LoopLag(asyncio.get_running_loop())
    register_process_metrics(exposition.registry, component, lag, settings.credentials)
    tls = tls_for_readers(settings.listen, settings.credentials)
    with listening(settings.listen, "metrics") as listener:
        async with answering_scrapes(scrape_app(exposition.pages, exposition.registry), listener, tls):
            _log.info("metrics are served", **bound_to(listener))
            lag.start()
            try:
                yield exposition
            finally:
                lag.stop()
