"""The only place that builds the parts of a process. Each imports its own share: a monitor has no use for SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vimesh.cli.processes.process_watch import take_record_path, watched, watched_calls
from vimesh.cli.processes.stop_signals import Stopping, stop_on_signals
from vimesh.runtime.garbage_collection import collect_rarely
from vimesh.watchdog.notifier import Notifier

if TYPE_CHECKING:
    # Imported by the process that is built from them.
    from vimesh.api.api_process import ApiSettings
    from vimesh.bridge.service.bridge_process import BridgeSettings
    from vimesh.conductor.conductor_process import ConductorSettings
    from vimesh.monitor.monitor_process import MonitorSettings


@dataclass(frozen=True, slots=True)
class ConductorProcess:
    database_url: str
    key_file: Path
    serve: ConductorSettings


async def conductor(settings: ConductorProcess) -> None:
    """Be a conductor until a signal comes. Raises BadSetting, also when the tables are not right."""
    from vimesh.conductor.conductor_process import run_conductor  # noqa: PLC0415 - see above
    from vimesh.store.rows.credential_encryption import cipher_from  # noqa: PLC0415 - as above
    from vimesh.store.sql_store import sql_store  # noqa: PLC0415 - as above
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - as above

    cipher = cipher_from(settings.key_file)
    with watched_calls("conductor") as process:
        await manage_tables.check(settings.database_url)
        collect_rarely()
        with stop_on_signals() as stopping:
            async with sql_store(settings.database_url, cipher) as store:
                await run_conductor(store, settings.serve, _serving_until(stopping, process.notifier), process.calls)


async def monitor(settings: MonitorSettings) -> None:
    """Run ping actions until a signal comes."""
    from vimesh.monitor.loop_guard.safeguards import safeguards  # noqa: PLC0415 - other commands do not probe
    from vimesh.monitor.monitor_process import run_monitor  # noqa: PLC0415 - see above

    collect_rarely()
    with safeguards(take_record_path("monitor")) as guards, watched() as notifier, stop_on_signals() as stopping:
        async with asyncio.TaskGroup() as tasks:
            probing = tasks.create_task(run_monitor(settings, safeguards=guards, started=notifier.notify_ready))
            await stopping.asked()
            probing.cancel()


async def api(settings: ApiSettings) -> None:
    """Serve HTTP, and do what is to be done beside it, until a signal comes."""
    from vimesh.api.api_process import run_api  # noqa: PLC0415 - see above

    with watched_calls("api") as process, stop_on_signals() as stopping:
        await run_api(settings, _serving_until(stopping, process.notifier), process.calls)


async def bridge(settings: BridgeSettings) -> None:
    """Serve old ping actions until a signal comes. Raises BadSetting."""
    from vimesh.bridge.service.bridge_process import run_bridge  # noqa: PLC0415 - see above

    with watched_calls("bridge") as process, stop_on_signals() as stopping:
        await run_bridge(settings, _serving_until(stopping, process.notifier))


def _serving_until(stopping: Stopping, notifier: Notifier) -> Callable[[], Awaitable[None]]:
    """Return what a process awaits once it serves: it says so, and returns when it is to stop."""

    async def serve() -> None:
        notifier.notify_ready()
        await stopping.asked()

    return serve
