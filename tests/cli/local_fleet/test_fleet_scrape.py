"""The metrics of several processes are one answer, and it says which of them did not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, nullcontext
from pathlib import Path

from tests.support.scraping.scrapes import scrape
from vimesh.cli.base.command_settings import NO_METRICS
from vimesh.cli.local_fleet.fleet_processes import MonitorPart, without_secrets
from vimesh.cli.local_fleet.fleet_scrape import FleetScrape, serving_fleet_metrics
from vimesh.cli.local_fleet.run_up import metrics_listener_of
from vimesh.http.http_listener import listening
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.exposition import MetricsSettings, exposition_of
from vimesh.metrics.scrape_app import Page, PageUnavailable
from vimesh.target_rules.target_rules import TargetRules

PROCESSES = {"conductor-1": Component.CONDUCTOR, "conductor-2": Component.CONDUCTOR, "api": Component.API}


async def vims(_: Mapping[str, str]) -> AsyncIterator[bytes]:
    yield b"# TYPE probe_success gauge\n"
    yield b'probe_success{vim_id="1"} 1\n'


async def no_vims(_: Mapping[str, str]) -> AsyncIterator[bytes]:
    raise PageUnavailable("two pages are being written")
    yield b""


@asynccontextmanager
async def scraped(folder: Path) -> AsyncGenerator[str]:
    """Serve the metrics of three processes that run here, each on a socket of its own; yields where they are joined."""
    sockets = {name: folder / name for name in PROCESSES}
    async with AsyncExitStack() as running:
        for name, component in PROCESSES.items():
            exposition = await running.enter_async_context(
                exposition_of(component, MetricsSettings(f"unix:{sockets[name]}"))
            )
            write = no_vims if name == "conductor-1" else vims
            exposition.add_page("/metrics/vims", Page(write, lambda _: True))
        listener = running.enter_context(listening("127.0.0.1:0"))
        joined = FleetScrape(sockets, ["conductor-1", "conductor-2"], folder / "envoy.admin")
        await running.enter_async_context(serving_fleet_metrics(joined, listener, None))
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def test_a_process_that_does_not_answer_is_said_not_to(tmp_path: Path) -> None:
    async with scraped(tmp_path) as address:
        before = await scrape(address)
        (tmp_path / "api").unlink()
        after = await scrape(address)
        alone, envoy = await asyncio.gather(scrape(address, "/metrics/api"), scrape(address, "/metrics/envoy"))

    up = {name: after.value("vimesh_process_up", process=name) for name in PROCESSES}
    assert up == {"conductor-1": 1, "conductor-2": 1, "api": 0}
    processes = [
        {dict(labels)["process"] for labels in answer.by_labels("vimesh_build_info")} for answer in (before, after)
    ]
    assert processes == [set(PROCESSES), set(PROCESSES) - {"api"}]
    assert (alone.status, envoy.status) == (503, 503)


async def test_vims_come_from_the_first_conductor_that_has_room(tmp_path: Path) -> None:
    async with scraped(tmp_path) as address:
        answer = await scrape(address, "/metrics/vims?shard=0/1")
        for name in ("conductor-1", "conductor-2"):
            (tmp_path / name).unlink()
        none = await scrape(address, "/metrics/vims")

    assert answer.value("probe_success", vim_id="1") == 1
    assert none.status == 503


def test_metrics_can_be_off() -> None:
    assert metrics_listener_of(NO_METRICS) is None
    environment = without_secrets({"VIMESH_METRICS": "127.0.0.1:9464", "HOME": "/"})
    started = MonitorPart("127.0.0.1:7600", environment, TargetRules()).prepare()

    assert environment == {"HOME": "/"}
    assert not any("metrics" in word for word in started.command)


def test_fleets_that_start_at_once_never_lose_the_race_for_the_port_of_metrics() -> None:
    with ExitStack() as scope:
        listeners = [scope.enter_context(metrics_listener_of(None) or nullcontext()) for _ in range(3)]
        addresses = {listener and listener.getsockname() for listener in listeners}

    assert len(addresses - {None}) == 3
