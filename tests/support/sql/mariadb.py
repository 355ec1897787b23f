"""Runs a private MariaDB with its own node, port and files; the machine's own one is not touched."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.support.clouds.targets import free_port
from tests.support.processes.process_groups import ProcessGroup
from tests.support.processes.server_nodes import running
from tests.support.timing.waiting import eventually

_START_S = 60
_SBIN = "/usr/sbin:/usr/local/sbin"
"""Where Debian keeps servers: not in the PATH of every user."""
# Small, and quick to start. `root` has no password, and only loopback reaches it.
_OPTIONS = (
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--innodb-use-native-aio=OFF",  # a machine has a limited number of these
    "--character-set-server=utf8mb4",
)


class MariaDb:
    """A node that can be stopped, killed and started again: its data is in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._node: ProcessGroup | None = None
        self.port = free_port()

    def url(self, database: str, user: str = "root", password: str = "") -> str:
        who = f"{user}:{password}" if password else user
        return f"mysql://{who}@127.0.0.1:{self.port}/{database}"

    async def install(self) -> None:
        """Make the files of an empty node."""
        with self._output.open("ab") as output:
            installing = await asyncio.create_subprocess_exec(
                _program("mariadb-install-db"),
                *("--no-defaults", f"--datadir={self._data}", "--auth-root-authentication-method=normal"),
                *("--skip-test-db", *self._own()),
                env=_environment(),
                stdout=output,
                stderr=output,
            )
        await asyncio.wait_for(installing.wait(), _START_S)
        assert installing.returncode == 0, self._output.read_text()

    async def start(self) -> None:
        """Start the node, and return when it greets clients."""
        node = self._node = await ProcessGroup.start(
            _program("mariadbd"),
            *(*_OPTIONS, *self._options(), *self._own(), f"--datadir={self._data}", f"--port={self.port}"),
            *(f"--socket={self._folder / 'mariadb.sock'}", f"--pid-file={self._folder / 'mariadb.pid'}"),
            environment=_environment(),
            output=self._output,
        )

        async def ready() -> bool:
            assert node.running, self._output.read_text()
            return await _greets(self.port)

        await eventually(ready, _START_S)

    async def stop(self) -> None:
        if self._node is not None:
            await self._node.stop()

    async def kill(self) -> None:
        if self._node is not None:
            await self._node.kill()

    def signal(self, number: signal.Signals) -> None:
        if self._node is not None:
            self._node.signal(number)

    def _options(self) -> list[str]:
        """Return the other options with which this kind of node is started."""
        return []

    def _own(self) -> list[str]:
        # A node that starts removes all temporary tables that it finds, including those of another node.
        return [*_user(), f"--tmpdir={self._folder}"]

    @property
    def folder(self) -> Path:
        """Return the folder with all of its files."""
        return self._folder

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _output(self) -> Path:
        return self._folder / "mariadb.out"


def _user() -> list[str]:
    # It refuses to run as root unless told to.
    return ["--user=root"] if os.geteuid() == 0 else []


def _environment() -> dict[str, str]:
    return {"PATH": f"{os.environ['PATH']}:{_SBIN}", "LANG": "C.UTF-8"}


def _program(name: str) -> str:
    found = shutil.which(name, path=_environment()["PATH"])
    assert found, f"{name} is missing: make .venv/.system installs it"
    return found


async def _greets(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with closing(writer):
            greeting = await asyncio.wait_for(reader.read(5), 5)
    except (OSError, TimeoutError):
        return False
    return greeting[4:5] == b"\x0a"  # version 10 of the protocol; an error would start with 0xff


@asynccontextmanager
async def running_mariadb(folder: Path) -> AsyncGenerator[MariaDb]:
    """Run a node with its files in an empty folder, and stop it at the end."""
    async with running(MariaDb(folder)) as node:
        yield node
