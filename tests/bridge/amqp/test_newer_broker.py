"""A RabbitMQ 4 that denies transient queues, as the default is from 4.3 on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.bridge.bridges import administer
from tests.bridge.direct import at, clear, declare
from tests.bridge.site import Site, Vim, site_in
from tests.support.amqp.brokers import running_newer_broker
from tests.support.amqp.oslo_client import shipped_action
from vimesh.bridge.config.topology import WITHOUT_TRANSIENT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_DENIED = "deprecated_features.permit.transient_nonexcl_queues = false\n"
_CALLS = "TACKER_CONDUCTOR"
_QUORUM = {"rabbit_quorum_queue": "true", "rabbit_transient_quorum_queue": "true"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Site]:
    async with site_in(tmp_path_factory.mktemp("newer"), lambda folder: running_newer_broker(folder, _DENIED)) as made:
        yield made


async def test_it_gets_a_queue_that_it_allows(site: Site) -> None:
    with capture_logs() as lines:
        declared = await declare(at(site.broker.url))
    there = await administer(site.broker, "list_queues", "name", "type", "durable", "--no-table-headers")
    # Callers that can live there find the exchange as they want it.
    with capture_logs() as later_lines:
        again = await declare(at(f"{site.broker.url}?rabbit_quorum_queue=true"))
    await clear(at(site.broker.url))

    assert declared.topology == again.topology == WITHOUT_TRANSIENT
    assert declared.is_ours
    assert again.is_ours
    assert not later_lines
    assert there.split() == [_CALLS, "quorum", "true"]
    assert any("rabbit_transient_quorum_queue" in line["hint"] for line in lines)


@pytest.mark.parametrize(
    "options",
    [
        "amqp_durable_queues=true",
        "rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=5",
        "rabbit_quorum_queue=true&rabbit_quorum_max_memory_length=10&rabbit_quorum_max_memory_bytes=10000",
    ],
)
async def test_it_takes_what_is_durable(site: Site, options: str) -> None:
    what = at(f"{site.broker.url}?{options}")
    with capture_logs() as lines:
        declared = await declare(what)
    await clear(what)

    assert declared.is_ours
    assert not lines


async def test_an_action_is_heard_and_ended_though_the_bridge_knows_nothing_of_the_deployment(
    site: Site, tmp_path: Path
) -> None:
    vim = await site.register()
    async with site.bridge("--hold", "0") as bridge:
        async with shipped_action(tmp_path, site.broker.url, vim.id, "127.0.0.1", **_QUORUM) as action:
            await site.until(vim, Vim.REACHABLE)
            await site.client.deregister(vim.id)
            ended = await action.ended(vim.id)

        assert ended["result"] == "KILLED"
        assert not bridge.said("lost")
        assert bridge.said("the broker does not allow transient queues: a quorum queue is declared instead") == 1
