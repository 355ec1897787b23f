"""vimesh demo: runs an embedded fleet with endpoints that come and go, and shows their changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from pathlib import Path

from vimesh.cli.base.command_settings import DEFAULT_PORT, LogFormat, LogLevel, LogSettings
from vimesh.cli.base.exits import Failure
from vimesh.cli.client.front import failed_calls_explained
from vimesh.cli.demo import demo_vims
from vimesh.cli.demo.demo_endpoint import endpoint
from vimesh.cli.demo.demo_script import NAMES
from vimesh.cli.local_fleet.data_dir import DataDir, locked
from vimesh.cli.local_fleet.environment import environment_of_parts
from vimesh.cli.local_fleet.fleet_options import Demo, FleetSettings
from vimesh.cli.local_fleet.fleet_sockets import fleet_sockets
from vimesh.cli.local_fleet.free_ports import front_port, require_free
from vimesh.cli.local_fleet.local_fleet import EmbeddedFleet, Interrupted
from vimesh.cli.processes.stop_signals import Stopping, stop_on_signals
from vimesh.cli.supervision.log_lines import LogStream
from vimesh.cli.vim.watch import show_changes
from vimesh.client.calls.front_stubs import Front, connected

_HOST = "127.0.0.1"
_CALL_TIMEOUT_S = 5.0
_LAST_WORDS = 20
_LOGS = LogSettings(LogLevel.INFO, LogFormat.LOGFMT)


async def run_demo(demo: Demo) -> None:
    """Run the demo until a stop signal. Raises Failure, BadSetting, StoreUnavailable, or a group of them."""
    environment = environment_of_parts(os.environ, _LOGS, demo.config, for_eyes=False, coloured=False)
    with (
        stop_on_signals() as stopping,
        _folder(demo.data_dir) as folder,
        locked(folder) as data_dir,
        fleet_sockets(data_dir.path) as sockets,
        data_dir.log_file.open("w", encoding="utf-8") as log,
        _last_words(data_dir),
        front_port(_HOST, _wanted_port(demo.port)) as port,
    ):
        stream = LogStream(log, coloured=False)
        settings = FleetSettings(_HOST, port, demo.conductors, database_url="", secured=True)
        fleet = EmbeddedFleet(settings, data_dir, sockets, environment, stream.say, stopping)
        await fleet.prepare()
        _tell(f"starting a fleet at {settings.address}; logs: {data_dir.log_file}")
        try:
            async with fleet.running(), _connected(fleet, settings) as front:
                _tell(f"console: https://{settings.address}/console/")
                _tell("to use the fleet from other commands (Ctrl-C stops it), type:")
                _tell(f"export VIMESH_ADDRESS={settings.address} VIMESH_CREDENTIALS={fleet.credentials}")
                with failed_calls_explained(settings.address):
                    await _perform(front, demo, stream, stopping)
                _tell("stopping")
        except* Interrupted:
            _tell("stopped before the fleet was up")


def _connected(fleet: EmbeddedFleet, settings: FleetSettings) -> AbstractAsyncContextManager[Front]:
    return connected(settings.address, _CALL_TIMEOUT_S, fleet.credentials)


async def _perform(front: Front, demo: Demo, stream: LogStream, stopping: Stopping) -> None:
    async with AsyncExitStack() as stack:
        endpoints = {name: await stack.enter_async_context(endpoint()) for name in NAMES}
        vim_ids = await demo_vims.enter(front, endpoints)
        async with asyncio.TaskGroup() as tasks:
            acting = [
                tasks.create_task(demo_vims.play(endpoints, stream.say)),
                tasks.create_task(show_changes(front, demo.output, frozenset(vim_ids))),
            ]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(demo.duration_s):
                    await stopping.asked()
            for task in acting:
                task.cancel()
        await demo_vims.leave(front, vim_ids)


def _wanted_port(wanted: int | None) -> int:
    """Return the port to use; 0 for any free one. By default it is that of every fleet, if it is free."""
    if wanted is not None:
        return wanted
    try:
        require_free(_HOST, DEFAULT_PORT)
    except Failure:
        return 0
    return DEFAULT_PORT


@contextmanager
def _folder(wanted: Path | None) -> Generator[Path]:
    if wanted is not None:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="vimesh-demo-") as folder:
        yield Path(folder)


@contextmanager
def _last_words(data_dir: DataDir) -> Generator[None]:
    """Print the end of the log if the fleet fails, because a temporary folder is removed with the log."""
    try:
        yield
    except* Failure:
        lines = data_dir.log_file.read_text(encoding="utf-8").splitlines()
        for line in lines[-_LAST_WORDS:]:
            _tell(line)
        raise


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - for people, apart from the data
