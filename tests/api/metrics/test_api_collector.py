"""An api process, and what Prometheus reads of it after requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.callers.caller import ask
from tests.support.callers.running import running
from tests.support.deployments.conductors import Client
from tests.support.scraping.metrics_of import MetricsOf
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.metric_catalogue import entries_of

_PORT = re.compile(r"port=(\d+)")
_UNKNOWN = UUID(int=7)
pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def api_at(front: str, folder: Path) -> AsyncGenerator[tuple[str, MetricsOf]]:
    """Yield the address of an api process, and its metrics."""
    path = folder / "metrics.sock"
    words = (
        "api",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        f"unix:{path}",
        "--log-format",
        "logfmt",
        "--address",
        front,
    )
    with running(folder, *words) as process:
        line = await asyncio.to_thread(process.line_with, "api is serving")
        found = _PORT.search(line)
        assert found is not None, line
        yield f"127.0.0.1:{found[1]}", MetricsOf(path)


REQUESTS = (
    ("GET", "/v1.0/vims.json?name=secret", {"method": "GET", "route": "/v1.0/vims.json", "code": "200"}),
    ("GET", f"/v1.0/vims/{_UNKNOWN}", {"method": "GET", "route": "/v1.0/vims/{vim_id}", "code": "404"}),
    ("PATCH", f"/v1.0/vims/{_UNKNOWN}", {"method": "PATCH", "route": "/v1.0/vims/{vim_id}", "code": "405"}),
    ("BREW", "/v1.0/vims", {"method": "other", "route": "/v1.0/vims", "code": "405"}),
    ("GET", f"/{_UNKNOWN}", {"method": "GET", "route": "none", "code": "404"}),
)


async def test_a_request_counts_by_the_template_of_its_path(client: Client, tmp_path: Path) -> None:
    async with api_at(client.address, tmp_path) as (address, metrics):
        before = await metrics.now()
        for method, path, _ in REQUESTS:
            await ask(address, method, path)
        scraped = await metrics.until(lambda scraped: scraped.value("vimesh_http_requests_total") >= len(REQUESTS))

    assert not before.value("vimesh_http_requests_total")
    assert [scraped.value("vimesh_http_requests_total", **labels) for _, _, labels in REQUESTS] == [1] * len(REQUESTS)
    assert scraped.value("vimesh_http_requests_total") == len(REQUESTS)
    assert scraped.value("vimesh_http_request_duration_seconds_count", route="/v1.0/vims/{vim_id}") == 2
    listed = {entry.name for entry in entries_of(Component.API) if "mistral" not in entry.condition}
    assert listed - scraped.names == {"vimesh_certificate_not_after_seconds"}


async def test_it_shows_whether_the_front_can_be_reached(client: Client, tmp_path: Path) -> None:
    (lost := tmp_path / "lost").mkdir()
    async with api_at(client.address, tmp_path) as (_, there), api_at("127.0.0.1:1", lost) as (address, away):
        await there.until(lambda scraped: scraped.value("vimesh_front_connected") == 1)
        await ask(address, "GET", "/v1.0/vims.json")
        scraped = await away.until(lambda scraped: scraped.value("vimesh_http_requests_total", code="503") == 1)

    assert scraped.value("vimesh_front_connected") == 0
