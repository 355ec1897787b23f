"""Deployments of oslo.messaging: how its programs are configured, and which of them is there first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aio_pika

from tests.bridge.bridges import Bridge, administer, running_bridge
from tests.bridge.site import Site
from tests.support.amqp.brokers import Broker
from tests.support.amqp.oslo_client import OsloProcess, oslo_process, shipped_action, tacker_conf
from tests.support.timing.waiting import until
from vimesh.v1 import vim_pb2

_LOG_S = 60
_SHARED_MEMORY = Path("/dev/shm")
_QUORUM = {"rabbit_quorum_queue": "true"}
_TRANSIENT = {"rabbit_transient_quorum_queue": "true", "rabbit_transient_queues_ttl": "60"}
_STREAMS = {"rabbit_stream_fanout": "true", "rabbit_qos_prefetch_count": "10"}
_QUEUE_MANAGER = {"use_queue_manager": "true", "processname": "mistral-executor"}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "plain": {},
    "durable": {"amqp_durable_queues": "true"},
    "quorum": _QUORUM,
    "quorum-limits": _QUORUM | {"rabbit_quorum_delivery_limit": "3", "rabbit_quorum_max_memory_length": "1000"},
    "all-quorum": _QUORUM | _TRANSIENT | _STREAMS,
    "auto-delete": {"amqp_auto_delete": "true"},
    "mirrored": {"rabbit_ha_queues": "true"},
    "cancel": {"enable_cancel_on_failover": "true"},
    "compressed": {"kombu_compression": "gzip"},
    "queue-manager": _QUEUE_MANAGER,
    "everything": _QUORUM | _TRANSIENT | _STREAMS | _QUEUE_MANAGER | {"kombu_compression": "bzip2"},
    "patient": {"heartbeat_timeout_threshold": "30", "kombu_reconnect_delay": "0.1", "rabbit_retry_interval": "1"},
}
"""Of [oslo_messaging_rabbit]."""
FIRST = ("bridge", "caller", "conductor")


@dataclass(frozen=True)
class Cell:
    options: str
    """Of the callers, and of Tacker's conductor."""
    first: str
    file: bool = True
    """Whether the bridge reads the callers' file. Otherwise it knows nothing but the broker's address."""

    def __str__(self) -> str:
        return f"{self.options}-{self.first}-first" + ("" if self.file else "-no-file")

    @property
    def oslo_options(self) -> dict[str, str]:
        options = dict(OPTIONS[self.options])
        # The queue manager counts in a file of that name, which all processes of a machine share.
        return options | ({"hostname": f"host-{uuid4()}"} if "use_queue_manager" in options else {})


@dataclass(frozen=True)
class Deployment:
    """A virtual host, and a caller with its options."""

    site: Site
    cell: Cell
    folder: Path
    url: str
    options: Mapping[str, str]
    caller: OsloProcess

    @asynccontextmanager
    async def shipped_action(self, vim: vim_pb2.Vim) -> AsyncGenerator[OsloProcess]:
        """Run Tacker's own action for a VIM."""
        (folder := self.folder / "shipped").mkdir()
        async with shipped_action(folder, self.url, vim.id, "127.1.2.3", **self.options) as action:
            yield action

    @asynccontextmanager
    async def bridge(self, *flags: str) -> AsyncGenerator[Bridge]:
        file = self.folder / "bridge.conf"
        file.write_text(tacker_conf(self.url, self.options if self.cell.file else {}))
        site = self.site
        async with running_bridge(self.folder, site.address, "", "--config-file", str(file), *flags) as bridge:
            yield bridge

    async def come_first(self) -> None:
        """Have those of oslo.messaging do what they do before a bridge is there."""
        match self.cell.first:
            case "caller":
                # It finds nobody, and leaves its queues.
                await self.caller.call_with({"timeout_s": 1}, vim_id="nobody", status="REACHABLE")
            case "conductor":
                assert "error" not in await self.caller.serve()
                await self.caller.stop_serving()

    async def report(self, vim: vim_pb2.Vim, timeout_s: float = 60) -> str:
        """Report as the wanted action; return the answer, or the error."""
        called = await self.caller.call_with(
            {"timeout_s": timeout_s}, vim_id=vim.id, status="REACHABLE", action_id=vim.monitor.action_id
        )
        return str(called.get("answer") or called["error"])


async def add_virtual_host(broker: Broker, name: str) -> None:
    """Make a virtual host that guest may use, by one command: each takes most of a second."""
    everything = '<<".*">>, <<".*">>, <<".*">>, <<"test">>'
    await administer(
        broker,
        "eval",
        f'rabbit_vhost:add(<<"{name}">>, <<"test">>), '
        f'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"{name}">>, {everything}).',
    )


@asynccontextmanager
async def deployed(site: Site, cell: Cell, folder: Path, virtual_host: str = "") -> AsyncGenerator[Deployment]:
    """Make a virtual host, and start the caller of a cell there."""
    name, options = virtual_host or str(cell), cell.oslo_options
    url = f"{site.broker.url}{name}"
    await add_virtual_host(site.broker, name)
    try:
        async with oslo_process(folder, url, **options) as caller:
            yield Deployment(site, cell, folder, url, options, caller)
    finally:
        if host := options.get("hostname"):
            # Where the queue manager counts.
            (_SHARED_MEMORY / f"{host}_{options['processname']}_qmanager").unlink(missing_ok=True)


async def lost_connections(broker: Broker, virtual_host: object) -> list[str]:
    """Return why the broker ended connections to a virtual host, of the bridge and of others, as its log says."""
    # It writes with delay: when this connection is in its log, all is that was before.
    mark, url = str(uuid4()), broker.url.replace("rabbit://", "amqp://")
    async with await aio_pika.connect(url, client_properties={"connection_name": mark}):
        await until(lambda: mark in _log_of(broker), _LOG_S)
    lines = _log_of(broker).splitlines()
    return [
        " ".join(lines[number : number + 3])
        for number, line in enumerate(lines)
        if "Error on AMQP connection" in line and f"vhost: '{virtual_host}'" in line
    ]


def _log_of(broker: Broker) -> str:
    return "".join(path.read_text(errors="replace") for path in sorted((broker.folder / "log").glob("*.log")))
