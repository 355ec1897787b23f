"""Runs a private MariaDB with its own node, port and files; the machine's own one is not touched."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from tests.support.clouds.targets import free_port
from tests.support.processes.process_groups import ProcessGroup
from tests.support.processes.server_nodes import Template, running
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

    def __init__(self, folder: Path, files: Template | None = None) -> None:
        """`files`: those of a node that is not empty."""
        self._folder = folder
        self._files = files or _EMPTY
        self._node: ProcessGroup | None = None
        self.port = free_port()

    def url(self, database: str, user: str = "root", password: str = "") -> str:
        who = f"{user}:{password}" if password else user
        return f"mysql://{who}@127.0.0.1:{self.port}/{database}"

    async def install(self) -> None:
        """Make the files of the node."""
        await self._files.copy_to(self.data)

    async def start(self) -> None:
        """Start the node, and return when it greets clients."""
        node = self._node = await ProcessGroup.start(
            _program("mariadbd"),
            *(*_OPTIONS, *self._options(), *self._own(), f"--datadir={self.data}", f"--port={self.port}"),
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
        return own_options(self._folder, "root")

    @property
    def folder(self) -> Path:
        """Return the folder with all of its files."""
        return self._folder

    @property
    def data(self) -> Path:
        """Return the folder with what the node stores."""
        return self._folder / "data"

    @property
    def _output(self) -> Path:
        return self._folder / "mariadb.out"


def own_options(folder: Path, user: str) -> list[str]:
    """Return the options that keep a node apart from others; `user`: who runs it if the tests are root's."""
    # It refuses to run as root unless told to. One that starts removes all temporary tables that it finds, including
    # those of another node.
    return [*([f"--user={user}"] if os.geteuid() == 0 else []), f"--tmpdir={folder}"]


async def make_files(data: Path, user: str = "root") -> None:
    """Make the files of an empty node, in a folder that `user` may enter."""
    output = data.with_name("mariadb-install-db.out")
    with output.open("ab") as file:
        installing = await asyncio.create_subprocess_exec(
            _program("mariadb-install-db"),
            *("--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"),
            *("--skip-test-db", *own_options(data.parent, user)),
            env=_environment(),
            stdout=file,
            stderr=file,
        )
    await asyncio.wait_for(installing.wait(), _START_S)
    assert installing.returncode == 0, output.read_text()


_EMPTY: Final = Template(make_files)


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
async def running_mariadb(folder: Path, files: Template | None = None) -> AsyncGenerator[MariaDb]:
    """Run a node with its files in an empty folder, and stop it at the end."""
    async with running(MariaDb(folder, files)) as node:
        yield node
