"""A fleet whose ping actions run in a real Mistral with two executors, over RabbitMQ: everything really running."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from tests.support.amqp.brokers import running_broker
from tests.support.callers.recorder import Recorder, recording
from tests.support.clouds.targets import FakeApi, free_port
from tests.support.deployments.conductors import Client, client_at
from tests.support.deployments.fleets import Fleet, starting_fleet
from tests.support.mistral.mistral_views import MistralView
from tests.support.mistral.stock_mistral import StockMistral, stock_mistral
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.timing.waiting import eventually
from vimesh.domain.actions import workflow_name
from vimesh.target_rules.networks import format_networks
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

CONTACT_WITHIN_S = 3  # a lease of 9 s: what a busy machine stands still for is no silence
LEASE_S = 3 * CONTACT_WITHIN_S
PATIENCE_S = 40
# Fast, and yet patient enough for a machine that has much else to do: a time-out here would be a change of its own.
FAST = vim_pb2.ProbePolicy(interval=Duration(seconds=1), timeout=Duration(nanos=900_000_000))
Vim = vim_pb2.Vim


@dataclass(frozen=True)
class MistralSite:
    fleet: Fleet
    client: Client
    mistral: StockMistral
    view: MistralView
    seen: Recorder

    async def register(self, endpoint: FakeApi, number: int = 0) -> vim_pb2.Vim:
        """Register a VIM; each number is an address of its own of an endpoint that listens on all of them."""
        auth_url = endpoint.url.replace("0.0.0.0", f"127.1.0.{number}")
        return await self.client.register(auth_url=auth_url, probe_policy=FAST)

    async def change(self, vim: vim_pb2.Vim, auth_url: str) -> vim_pb2.Vim:
        request = pb.ModifyVimRequest(vim=Vim(id=vim.id, auth_url=auth_url))
        return (await self.client.vims.ModifyVim(request, timeout=30)).vim

    async def listed(self) -> list[vim_pb2.Vim]:
        return list((await self.client.vims.ListVims(pb.ListVimsRequest(page_size=1000), timeout=30)).vims)

    async def until_reachable(self, *vims: vim_pb2.Vim) -> None:
        """Wait until that is what the action that each VIM was returned with has said last."""

        def reachable(vim: vim_pb2.Vim) -> bool:
            last = self.events(vim)[-1:]
            return [(event.action_id, event.status) for event in last] == [(vim.monitor.action_id, Vim.REACHABLE)]

        await self.seen.until(lambda: all(map(reachable, vims)), PATIENCE_S)

    async def until_mistral_has(self, *vims: vim_pb2.Vim) -> None:
        """Wait until Mistral runs the wanted action of each of these VIMs, and has nothing else of ours."""
        wanted = {vim.monitor.action_id: "RUNNING" for vim in vims}
        names = {workflow_name(vim.id) for vim in vims}

        async def settled() -> bool:
            return await self.view.executions() == wanted and await self.view.workflows() == names

        await eventually(settled, PATIENCE_S)

    async def until(self, vim: vim_pb2.Vim, holds: Callable[[vim_pb2.Vim], bool]) -> vim_pb2.Vim:
        """Wait until a VIM reads as wanted; return it."""

        async def reads() -> bool:
            return holds(await self.client.get(vim.id))

        await eventually(reads, PATIENCE_S)
        return await self.client.get(vim.id)

    def events(self, vim: vim_pb2.Vim, *, after: int = 0) -> list[vim_pb2.VimEvent]:
        return [event for event in self.seen.events if event.vim_id == vim.id and event.revision > after]

    def exits(self, vim: vim_pb2.Vim) -> list[str]:
        """Return what the executors said when actions of the VIM heard that they are not wanted any more."""
        return self.mistral.lines("action ended: bad_action", vim.id)

    async def clear(self) -> None:
        """Leave nothing to the next test, which finds all parts running."""
        for vim in await self.listed():
            await self.client.deregister(vim.id)
        await self.mistral.start()
        await eventually(self.view.empty, 2 * PATIENCE_S)


def hosts(requests: Sequence[str]) -> Counter[str]:
    """Count the requests that came in under each name."""
    lines = [line for request in requests for line in request.splitlines()]
    return Counter(line.split()[1].partition(":")[0] for line in lines if line.lower().startswith("host:"))


@asynccontextmanager
async def mistral_site(folder: Path) -> AsyncGenerator[MistralSite]:
    port = free_port()
    flags = ("--engine", "mistral", "--mistral-url", f"http://127.0.0.1:{port}/v2")
    settings = ("env", f"VIMESH_CONDUCTOR_CONTACT_WITHIN={CONTACT_WITHIN_S}s")
    (rabbit := folder / "rabbit").mkdir()
    async with AsyncExitStack() as site:
        fleet = await site.enter_async_context(starting_fleet(folder, *flags, prefix=settings))
        broker = await site.enter_async_context(running_broker(rabbit))
        plugin = {"VIMESH_ADDRESS": fleet.address, "VIMESH_PROBE_ALLOW": format_networks(LOOPBACK_RULES.allow)}
        mistral = await site.enter_async_context(stock_mistral(folder, broker.url, plugin, port=port))
        client = await site.enter_async_context(client_at(fleet.address))
        seen = await site.enter_async_context(recording(client))
        yield MistralSite(fleet, client, mistral, MistralView(mistral.url), seen)
