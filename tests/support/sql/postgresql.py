"""Runs a private PostgreSQL with its own cluster, port and files; the machine's own one is not touched."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.support.clouds.targets import free_port
from tests.support.processes.process_groups import ProcessGroup
from tests.support.processes.server_nodes import Template, running
from tests.support.timing.waiting import eventually

_START_S = 60
_USER = "postgres"
_SETTINGS = ("shared_buffers=32MB", "max_connections=60", "logging_collector=off", "max_wal_size=256MB")


# By user name: some need a password, TLS or a certificate; all others are trusted.
_RULES = """\
host all stranger all scram-sha-256
hostssl all by_certificate all cert
hostssl all by_tls all trust
host all by_certificate,by_tls all reject
"""


class Postgresql:
    """A cluster that can be stopped, killed and started again: its data is in its folder."""

    def __init__(self, folder: Path, settings: Sequence[str] = (), files: Template | None = None) -> None:
        """`settings` such as `ssl=on` are added to the default ones; `files`: those of a cluster that is not empty."""
        self._folder = folder
        self._settings = (*_SETTINGS, *settings)
        self._files = files or _EMPTY
        self._node: ProcessGroup | None = None
        self.port = free_port()

    def url(self, database: str, user: str = _USER, password: str = "") -> str:
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    async def install(self) -> None:
        """Make the files of the cluster."""
        if (owner := _owner()) is not None:
            # For its socket.
            shutil.chown(self._folder, owner)
        await self._files.copy_to(self.data)

    async def start(self) -> None:
        """Start the cluster, and return when it accepts clients."""
        node = self._node = await ProcessGroup.start(
            _program("postgres"),
            *("-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), "-k", self._folder),
            *(part for setting in self._settings for part in ("-c", setting)),
            environment=_environment(),
            output=self._output,
            user=_owner(),
        )

        async def ready() -> bool:
            assert node.running, self._output.read_text()
            return await self._lets_in()

        await eventually(ready, _START_S)

    async def _lets_in(self) -> bool:
        asking = await asyncio.create_subprocess_exec(
            _program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), env=_environment()
        )
        return await asyncio.wait_for(asking.wait(), _START_S) == 0

    async def stop(self) -> None:
        if self._node is not None:
            # It would wait for its clients to disconnect.
            await self._node.stop(fast=True)

    async def kill(self) -> None:
        if self._node is not None:
            await self._node.kill()

    def signal(self, number: signal.Signals) -> None:
        if self._node is not None:
            self._node.signal(number)

    @property
    def socket_folder(self) -> Path:
        return self._folder

    @property
    def folder(self) -> Path:
        """Return the folder with all of its files."""
        return self._folder

    @property
    def data(self) -> Path:
        """Return the folder with what the cluster stores."""
        return self._folder / "data"

    @property
    def _output(self) -> Path:
        return self._folder / "postgresql.out"


async def _make_cluster(data: Path) -> None:
    if (owner := _owner()) is not None:
        # It refuses to run as root.
        shutil.chown(data.parent, owner)
    output = data.with_name("initdb.out")
    installing = await ProcessGroup.start(
        _program("initdb"),
        *("--pgdata", data, "--no-sync", "--username", _USER, "--auth-host=trust"),
        *("--encoding=UTF8", "--locale=C.UTF-8"),
        environment=_environment(),
        output=output,
        user=owner,
    )
    await asyncio.wait_for(installing.wait(), _START_S)
    assert installing.succeeded, output.read_text()
    rules = data / "pg_hba.conf"
    rules.write_text(_RULES + rules.read_text())


_EMPTY: Final = Template(_make_cluster)


def _owner() -> str | None:
    return _USER if os.geteuid() == 0 else None


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def _program(name: str) -> Path:
    # Debian keeps each version apart, and none in the PATH.
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    assert found, f"{name} is missing: make .venv/.system installs it"
    return found[-1]


@asynccontextmanager
async def running_postgresql(folder: Path, files: Template | None = None) -> AsyncGenerator[Postgresql]:
    """Run a cluster with its files in an empty folder that any user may enter, and stop it at the end."""
    async with running(Postgresql(folder, files=files)) as node:
        yield node
