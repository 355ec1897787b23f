"""A real Prometheus scrapes a real fleet with the example: boards have data, and numbers are those of the fleet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from deploy.grafana.make_boards import SOURCES
from google.protobuf.duration_pb2 import Duration

from tests.support.callers.caller import ask
from tests.support.callers.recorder import recording
from tests.support.clouds.targets import FakeApi, fake_api, free_port
from tests.support.deployments.conductors import Client, client_at
from tests.support.deployments.fleets import starting_fleet
from tests.support.notifier.running_notifier import create_receiver
from tests.support.notifier.scripted_http import scripted_http
from tests.support.observability.board_queries import queries_of
from tests.support.observability.prometheus_server import Prometheus, running_prometheus
from tests.support.timing.waiting import eventually
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.receiver_service_pb2 import WebhookTarget
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, Vim

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

WITHIN_S = 60
_FAST = ProbePolicy(interval=Duration(seconds=1), timeout=Duration(nanos=900_000_000))
_REACHABLE, _UNREACHABLE, _UNKNOWN, _PENDING = 5, 3, 2, 4
_STATUSES = {
    Vim.REACHABLE: _REACHABLE,
    Vim.UNREACHABLE: _UNREACHABLE,
    Vim.UNKNOWN: _UNKNOWN,
    Vim.PENDING: _PENDING,
}


@dataclass(frozen=True)
class Scraped:
    client: Client
    prometheus: Prometheus
    name: str
    """The name of a VIM that can be reached."""

    async def notify(self) -> None:
        """Change a VIM so that a receiver is told of it."""
        [vim] = (await self.client.vims.ListVims(pb.ListVimsRequest(filter=f'name = "{self.name}"'), timeout=30)).vims
        change = Vim(id=vim.id, description=f"{vim.description}."[-100:])
        await self.client.vims.ModifyVim(pb.ModifyVimRequest(vim=change), timeout=30)

    async def statuses(self) -> dict[str, int]:
        response = await self.client.vims.ListVims(pb.ListVimsRequest(page_size=1000), timeout=30)
        return dict(Counter(Vim.Status.Name(vim.status) for vim in response.vims))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scraped(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Scraped]:
    """Run a fleet with VIMs of each status, of which somebody watches all, and a Prometheus."""
    folder, port = tmp_path_factory.mktemp("fleet"), free_port()
    target = {"static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"fleet": "lab"}}]}
    async with (
        starting_fleet(folder, "--metrics-port", str(port), "--probe-deny", "127.9.0.0/16") as fleet,
        client_at(fleet.address) as client,
        fake_api() as endpoint,
        recording(client),
        scripted_http() as receiver,
        running_prometheus(
            folder / "prometheus",
            dict.fromkeys(("vimesh", "vimesh-vims", "vimesh-front"), target),
            alertmanager="127.0.0.1:9",
        ) as prometheus,
    ):
        # Before anything is counted.
        await prometheus.until_scraped()
        hook = WebhookTarget(url=receiver.url, body_template="{}")
        await create_receiver(client.channel, webhook=hook, lifecycle_changes=True)
        name = await _register(client, endpoint)
        assert (await ask(fleet.address, "GET", "/v1.0/vims")).status == 200
        found = Scraped(client, prometheus, name)
        await _until_at_rest(found)
        yield found


async def _register(client: Client, endpoint: FakeApi) -> str:
    first = await client.register(auth_url=endpoint.url, probe_policy=_FAST)
    for number in range(1, _REACHABLE):
        await client.register(auth_url=f"{endpoint.url}/{number}", probe_policy=_FAST)
    for number in range(_UNREACHABLE):
        await client.register(auth_url=f"http://127.0.0.1:{free_port()}/{number}", probe_policy=_FAST)
    for number in range(_UNKNOWN):
        await client.register(auth_url=f"http://127.9.0.1:5000/{number}", probe_policy=_FAST)
    for number in range(_PENDING):
        vim = Vim(name=f"external-{number}", type="kubernetes", auth_url="https://127.0.0.1:6443/")
        await client.vims.RegisterVim(pb.RegisterVimRequest(vim=vim, engine=Monitor.EXTERNAL), timeout=30)
    return first.name


async def _until_at_rest(scraped: Scraped) -> None:
    wanted = {Vim.Status.Name(status): count for status, count in _STATUSES.items()}

    async def at_rest() -> bool:
        return await scraped.statuses() == wanted

    await eventually(at_rest, WITHIN_S)


async def test_counts_by_query_are_those_of_the_fleet(scraped: Scraped) -> None:
    async def equal() -> bool:
        listed = await scraped.statuses()
        by_vim = await scraped.prometheus.values_by("count by (status) (vimesh_vim_status)", "status")
        by_status = await scraped.prometheus.values_by("fleet_status:vimesh_vims:max > 0", "status")
        print(f"ListVims {listed}, /metrics/vims {by_vim}, vimesh_vims {by_status}")
        return listed == by_vim == by_status

    # At rest: what was scraped is at most some seconds old.
    await eventually(equal, WITHIN_S)


async def test_a_vim_that_nobody_knows_of_has_no_success(scraped: Scraped) -> None:
    samples = await scraped.prometheus.values_by("count_values by () ('success', probe_success)", "success")

    assert samples == {"1": _REACHABLE, "0": _UNREACHABLE}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
async def test_each_query_of_a_board_has_data(scraped: Scraped, source: Path) -> None:
    values = {
        "fleet": ".*",
        "project": ".*",
        "type": ".*",
        "name": scraped.name,
        "__rate_interval": "15s",
        "__range": "1m",
    }
    without: dict[str, str] = {}

    async def all_have_data() -> bool:
        without.clear()
        if source.stem == "notifications":
            await scraped.notify()
        lines = []
        for query in queries_of(source):
            expression = query.with_variables(values)
            samples = await scraped.prometheus.query(expression)
            numbers = [float(sample["value"][1]) for sample in samples]
            lines.append(f"{source.stem} | {query.panel} | {expression} | {len(samples)} samples")
            if not any(not math.isnan(number) for number in numbers):
                without[query.panel] = expression
        if not without:
            print("\n".join(lines))
        return not without

    try:
        await eventually(all_have_data, WITHIN_S)
    except TimeoutError:
        raise AssertionError(f"no data: {without}") from None
