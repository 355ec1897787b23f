"""Runs a real Alertmanager with the example in `deploy/prometheus`, and receives what it sends."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.callers.caller import ask
from tests.support.clouds.targets import free_port
from tests.support.observability.prometheus_server import until_ready
from tests.support.observability.rule_files import PROMETHEUS
from tests.support.processes.process_groups import ProcessGroup

_RECEIVERS = "127.0.0.1:9095"
_INTERVALS = (
    (re.compile(r"group_wait: \w+"), "group_wait: 100ms"),
    (re.compile(r"group_interval: \w+"), "group_interval: 1s"),
)


@dataclass(frozen=True)
class Notification:
    receiver: str
    alert: str
    status: str
    """`firing` or `resolved`."""
    labels: dict[str, str]


class Receivers:
    """What on-call, channel and watchdog have received."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self._news = asyncio.Condition()

    async def until(self, alert: str, status: str, within_s: float, **labels: str) -> Notification:
        """Wait until somebody is told that the alert, with these labels, fires or is resolved: the newest about it."""
        try:
            async with asyncio.timeout(within_s), self._news:
                while (newest := self._newest(alert, labels)) is None or newest.status != status:
                    await self._news.wait()
        except TimeoutError:
            told = [f"{one.receiver}: {one.alert} {one.status}" for one in self.notifications[-30:]]
            raise AssertionError(f"{alert} was never {status}; told: {told}") from None
        return newest

    def _newest(self, alert: str, labels: dict[str, str]) -> Notification | None:
        about = (
            one for one in reversed(self.notifications) if one.alert == alert and labels.items() <= one.labels.items()
        )
        return next(about, None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.lower().split(": ", 1) for line in head.decode().splitlines()[1:] if line)
                body = json.loads(await reader.readexactly(int(fields["content-length"])))
                async with self._news:
                    self.notifications += [
                        Notification(body["receiver"], one["labels"]["alertname"], one["status"], one["labels"])
                        for one in body["alerts"]
                    ]
                    self._news.notify_all()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # the Alertmanager has closed the connection
        finally:
            writer.close()


@dataclass(frozen=True)
class Alertmanager:
    address: str
    receivers: Receivers

    async def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that fire."""
        alerts: list[dict[str, Any]] = json.loads((await ask(self.address, "GET", "/api/v2/alerts")).body)
        return alerts


@asynccontextmanager
async def running_alertmanager(folder: Path) -> AsyncGenerator[Alertmanager]:
    """Run Alertmanager with the example, whose receivers are here. It waits for a second at most."""
    receivers = Receivers()
    server = await asyncio.start_server(receivers.serve, "127.0.0.1", 0)
    file = _write_configuration(folder, server.sockets[0].getsockname()[1])
    address, log = f"127.0.0.1:{free_port()}", folder / "alertmanager.log"
    process = await ProcessGroup.start(
        "prometheus-alertmanager",
        *(f"--config.file={file}", f"--storage.path={folder / 'data'}", f"--web.listen-address={address}"),
        *("--cluster.listen-address=", "--log.level=warn"),
        environment=os.environ,
        output=log,
    )
    try:
        await until_ready(address, process, log)
        yield Alertmanager(address, receivers)
    finally:
        await process.stop()
        server.close()
        await server.wait_closed()


def _write_configuration(folder: Path, port: int) -> Path:
    folder.mkdir()
    text = (PROMETHEUS / "alertmanager.yaml").read_text().replace(_RECEIVERS, f"127.0.0.1:{port}")
    for pattern, instead in _INTERVALS:
        text = pattern.sub(instead, text)
    file = folder / "alertmanager.yaml"
    file.write_text(text)
    return file
