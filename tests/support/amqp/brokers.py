"""Runs a private RabbitMQ with its own node, port mapper, ports and files; the machine's own one is not touched."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.support.clouds.targets import free_port, listens
from tests.support.processes.process_groups import ProcessGroup
from tests.support.timing.waiting import eventually

_BIN = "/usr/lib/rabbitmq/bin"
"""The real program: Debian's command of the same name in the PATH changes the user and the folder."""
_NEWER = Path(__file__).parents[3] / ".cache/rabbitmq4"
_START_S = 240
_GREETING = b"AMQP\x00\x00\x09\x01"
_CONF = "listeners.tcp.1 = 127.0.0.1:{port}\ndisk_free_limit.absolute = 50MB\n"


class Broker:
    """A node that can be stopped, killed and started again: its data is in its folder."""

    def __init__(self, folder: Path, settings: str = "", root: Path = Path("/"), plugins: str = "") -> None:
        """`settings` are lines of its configuration; `root` is where its package was unpacked."""
        self._folder = folder
        self._settings = settings
        self._plugins = plugins
        self._path = f"{root / 'usr/lib/erlang/bin'}:{os.environ['PATH']}"
        self.bin = f"{root}{_BIN}" if root != Path("/") else _BIN
        self._port = free_port()
        self._epmd_port = free_port()
        self._dist_port = free_port()
        self._node: ProcessGroup | None = None

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """The URL in oslo.messaging's form."""
        return f"rabbit://guest:guest@127.0.0.1:{self._port}/"

    async def start(self) -> None:
        """Start the node, and return when it accepts AMQP."""
        node = self._node = await ProcessGroup.start(
            self._program("rabbitmq-server"), environment=self._environment(), output=self._folder / "rabbit.out"
        )

        async def ready() -> bool:
            assert node.running, (self._folder / "rabbit.out").read_text()
            return await _greets(self._port)

        await eventually(ready, _START_S)

    async def stop(self) -> None:
        if self._node is not None:
            await self._node.stop()

    async def kill(self) -> None:
        if self._node is not None:
            await self._node.kill()

    @asynccontextmanager
    async def port_mapper(self) -> AsyncGenerator[None]:
        """Run the daemon that nodes register with: if a node started it, it would outlive that node."""
        epmd = await ProcessGroup.start(
            *(self._program("epmd"), "-address", "127.0.0.1", "-port", str(self._epmd_port)),
            environment=self._environment(),
            output=self._folder / "epmd.out",
        )
        try:
            await eventually(lambda: listens(self._epmd_port), _START_S)
            yield
        finally:
            await epmd.stop()

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        configuration = folder / "rabbitmq.conf"
        configuration.write_text(_CONF.format(port=self._port) + self._settings)
        (plugins := folder / "enabled_plugins").write_text(f"[{self._plugins}].\n")
        return {
            "PATH": self._path,
            "HOME": str(folder),  # keep the cookie
            "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"vimesh-{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=f"{self.bin}:{self._path}")
        assert found, f"{name} is missing: make .venv/.system installs it"
        return found


async def _greets(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with closing(writer):
            writer.write(_GREETING)
            answer = await asyncio.wait_for(reader.read(1), 5)
    except (OSError, TimeoutError):
        return False
    return answer == b"\x01"  # a method frame, which identifies the method


@asynccontextmanager
async def running_broker(
    folder: Path, settings: str = "", root: Path = Path("/"), plugins: str = ""
) -> AsyncGenerator[Broker]:
    """Run a broker with its files in an empty folder, and stop all of it at the end."""
    broker = Broker(folder, settings, root, plugins)
    async with broker.port_mapper():
        try:
            await broker.start()
            yield broker
        finally:
            await broker.stop()


@asynccontextmanager
async def running_newer_broker(folder: Path, settings: str = "") -> AsyncGenerator[Broker]:
    """Run a RabbitMQ 4."""
    if not (_NEWER / ".ready").exists():
        pytest.skip("there is no RabbitMQ 4: make .cache/rabbitmq4/.ready says why")
    async with running_broker(folder, settings, _NEWER) as broker:
        yield broker
