"""The bridge's own way to a broker, without a process of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from vimesh.bridge.amqp.broker import BrokerLimits
from vimesh.bridge.amqp.declare_queues import QueueDeclarer, QueueState
from vimesh.bridge.amqp.dialer import Dialer
from vimesh.bridge.amqp.guarded_transport import GuardedConnection
from vimesh.bridge.config.deployment import Deployment, deployment
from vimesh.bridge.config.transport_url import transport_url

_CALLS = "TACKER_CONDUCTOR"


class Questions:
    """A connection that is opened again when the broker has closed it."""

    def __init__(self, what: Deployment) -> None:
        self._what = what
        self.limits = BrokerLimits()
        self.opened: list[GuardedConnection] = []

    async def connection(self, within_s: float) -> GuardedConnection:
        del within_s
        if not self.opened or self.opened[-1].is_over:
            self.opened.append(await dial(self._what))
        return self.opened[-1]


async def dial(what: Deployment) -> GuardedConnection:
    return await Dialer(what, BrokerLimits()).dial(what.transport.nodes[0])


def at(url: str) -> Deployment:
    """Return the deployment that a URL alone tells of."""
    return deployment(transport_url(url), [])


@asynccontextmanager
async def questions(what: Deployment) -> AsyncGenerator[Questions]:
    asked = Questions(what)
    try:
        yield asked
    finally:
        for connection in asked.opened:
            await connection.close()


async def declare(what: Deployment) -> QueueState:
    async with questions(what) as asked:
        return await QueueDeclarer(what.topology, asked).declare()


def write_file(folder: Path, port: int, options: dict[str, str]) -> Path:
    """Write what a service's configuration says of its broker."""
    lines = [f"{name} = {value}" for name, value in options.items()]
    url = f"transport_url = rabbit://guest:guest@127.0.0.1:{port}/"
    file = folder / "tacker.conf"
    file.write_text("\n".join(["[DEFAULT]", url, "[oslo_messaging_rabbit]", *lines]) + "\n")
    return file


async def clear(what: Deployment) -> None:
    """Delete what bridges and servers of oslo.messaging leave, whoever made it."""
    async with await dial(what) as connection, connection.channel() as channel:
        for queue in (_CALLS, f"{_CALLS}.conductor", f"{_CALLS}_fanout"):
            await channel.queue_delete(queue)
        for exchange in ("tacker", f"{_CALLS}_fanout"):
            await channel.exchange_delete(exchange)
