"""A bridge, and what Prometheus reads of it after calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.bridge.site import Site
from tests.support.scraping.metrics_of import MetricsOf
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.metric_catalogue import entries_of
from vimesh.v1 import vim_pb2

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

CALLS, KILLS = "vimesh_amqp_calls_total", "vimesh_amqp_kills_total"


@pytest_asyncio.fixture(loop_scope="module")
async def metrics(site: Site, tmp_path: Path) -> AsyncGenerator[MetricsOf]:
    path = tmp_path / "metrics.sock"
    async with site.bridge("--metrics", f"unix:{path}"):
        yield MetricsOf(path)


async def test_everything_that_the_catalogue_lists_is_exposed(metrics: MetricsOf) -> None:
    scraped = await metrics.until(lambda scraped: scraped.value("vimesh_front_connected") == 1)

    listed = {entry.name for entry in entries_of(Component.BRIDGE)}
    assert listed - scraped.names == {"vimesh_certificate_not_after_seconds"}
    assert scraped.value("vimesh_amqp_connected") == 1
    assert scraped.value("vimesh_amqp_unanswered") == scraped.value(CALLS) == scraped.value(KILLS) == 0


async def test_a_call_counts_by_its_outcome(site: Site, metrics: MetricsOf) -> None:
    external = await site.register()
    embedded = await site.register(vim_pb2.Monitor.EMBEDDED)
    calls = {
        "recorded": {"vim_id": embedded.id, "action_id": embedded.monitor.action_id},
        "bad_action": {"vim_id": embedded.id, "action_id": str(uuid4())},
        "refused": {"vim_id": embedded.id, "action_id": str(uuid4()), "status": "BANANA"},
        "held": {"vim_id": external.id},
        "not_wanted": {"vim_id": embedded.id},
    }

    for call in calls.values():
        await site.old.call(**({"status": "REACHABLE"} | call))

    scraped = await metrics.until(lambda scraped: scraped.value(CALLS) >= len(calls))
    assert {outcome: scraped.value(CALLS, outcome=outcome) for outcome in calls} == dict.fromkeys(calls, 1)
    assert scraped.value("vimesh_amqp_call_seconds_count") == scraped.value(CALLS) == len(calls)
    # No action of the VIM is there to be killed.
    assert scraped.value(KILLS, result="no_action") == scraped.value(KILLS) == 1


async def test_a_kill_counts_and_so_does_an_answer_that_waits(site: Site, metrics: MetricsOf) -> None:
    vim = await site.register()
    await site.old.start(vim.id)
    await metrics.until(lambda scraped: scraped.value("vimesh_amqp_unanswered") == 1)

    await site.client.deregister(vim.id)

    await metrics.until(
        lambda scraped: scraped.value(KILLS, result="sent") >= 1 and not scraped.value("vimesh_amqp_unanswered")
    )
