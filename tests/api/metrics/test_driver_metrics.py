"""An api process that drives Mistral, and what Prometheus reads of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conductors import OF_MISTRAL
from tests.api.processes import api_process
from tests.support.clouds.targets import fake_api, free_port
from tests.support.deployments.conductors import conductor_at
from tests.support.mistral.mistrals import running_mistral
from tests.support.scraping.metrics_of import MetricsOf
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.metric_catalogue import entries_of

CALLS, TASKS = "vimesh_mistral_calls_total", "vimesh_tasks_total"


@pytest.mark.timeout(180)
async def test_tasks_and_calls_count_while_mistral_is_away_and_when_it_is_there(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "metrics.sock"
    url = f"http://127.0.0.1:{port}/v2"
    async with (
        conductor_at(tmp_path / "vimesh.sqlite", OF_MISTRAL) as client,
        fake_api() as cloud,
        api_process(tmp_path, client.address, url, VIMESH_METRICS=f"unix:{path}"),
    ):
        vim = await client.register(auth_url=cloud.url)
        await (metrics := MetricsOf(path)).until_served()
        away = await metrics.until(lambda scraped: scraped.value(TASKS, kind="start", result="failed") >= 1)
        assert away.value(CALLS, call="create_workflow", result="unavailable") >= 1
        assert not away.value(CALLS, result="ok")

        async with running_mistral(tmp_path, {"VIMESH_ADDRESS": client.address}, port=port):
            started = await metrics.until(lambda scraped: scraped.value(TASKS, kind="start", result="done") == 1)
            assert started.value(CALLS, call="create_execution", result="ok") == 1
            assert started.value("vimesh_mistral_call_seconds_count", call="create_execution") == 1

            await client.deregister(vim.id)
            stopped = await metrics.until(lambda scraped: scraped.value(TASKS, kind="stop", result="done") == 1)
            assert stopped.value(CALLS, call="delete_workflow", result="ok") == 1

    driven = {entry.name for entry in entries_of(Component.API) if "mistral" in entry.condition}
    assert len(driven) == 3
    assert driven <= stopped.names
