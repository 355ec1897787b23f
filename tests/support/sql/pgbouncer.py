"""Runs a private pgbouncer in front of a private PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.clouds.targets import free_port, listens
from tests.support.processes.process_groups import ProcessGroup
from tests.support.timing.waiting import eventually

_START_S = 30
_USER = "postgres"
# Round robin: the next transaction of a client most likely goes to another process of the server.
_SETTINGS = """\
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = {auth_type}
auth_file = {users}
pool_mode = {mode}
server_round_robin = 1
default_pool_size = 20
server_login_retry = 1
"""


class Pgbouncer:
    def __init__(self, folder: Path, server_port: int, mode: str) -> None:
        self._folder = folder
        self._server_port = server_port
        self._mode = mode
        self._node: ProcessGroup | None = None
        self.port = free_port()

    def url(self, database: str, user: str = _USER) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    async def start(self, more: str = "") -> None:
        """Start it, and return when it accepts connections. `more` are lines of its configuration."""
        users = self._folder / "users.txt"
        users.write_text(f'"{_USER}" ""\n')
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            _SETTINGS.format(
                server_port=self._server_port, port=self.port, mode=self._mode, users=users, auth_type="trust"
            )
            + more
        )
        self._hand_over(self._folder, users, settings)
        node = self._node = await ProcessGroup.start(
            _program(),
            settings,
            environment={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            output=self._output,
            user=_owner(),
        )

        async def ready() -> bool:
            assert node.running, self._output.read_text()
            return await listens(self.port)

        await eventually(ready, _START_S)

    async def stop(self) -> None:
        if self._node is not None:
            # It would wait for its clients to disconnect.
            await self._node.kill()

    def log(self) -> str:
        return self._output.read_text()

    def _hand_over(self, *paths: Path) -> None:
        if (owner := _owner()) is not None:
            for path in paths:
                shutil.chown(path, owner)

    @property
    def _output(self) -> Path:
        return self._folder / "pgbouncer.out"


def _owner() -> str | None:
    # It refuses to run as root.
    return _USER if os.geteuid() == 0 else None


def _program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "pgbouncer is missing: make .venv/.system installs it"
    return found


@asynccontextmanager
async def running_pgbouncer(folder: Path, server_port: int, mode: str, more: str = "") -> AsyncGenerator[Pgbouncer]:
    """Run a pooler in this mode with its files in an empty folder that any user may enter, and stop it at the end."""
    node = Pgbouncer(folder, server_port, mode)
    try:
        await node.start(more)
        yield node
    finally:
        await node.stop()
