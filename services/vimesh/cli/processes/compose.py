"""Builds the parts of each process, all in one place. Each imports only what it needs: a monitor needs no SQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vimesh.cli.base import command_settings
from vimesh.cli.processes.process_watch import take_record_path, watched, watched_calls
from vimesh.cli.processes.stop_signals import Stopping, stop_on_signals
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import Sources
from vimesh.runtime.background import beside
from vimesh.runtime.garbage_collection import collect_rarely
from vimesh.tracing.spans import Tracer
from vimesh.watchdog.supervisor_link import SupervisorLink

_OTLP_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

if TYPE_CHECKING:
    # Imported at run time only by the process that uses them.
    from vimesh.api.api_process import ApiSettings
    from vimesh.bridge.service.bridge_process import BridgeSettings
    from vimesh.conductor.conductor_process import ConductorSettings
    from vimesh.console.console_process import ConsoleSettings
    from vimesh.domain.access.quotas import Quotas
    from vimesh.metrics.exposition import Exposition
    from vimesh.monitor.monitor_process import MonitorSettings
    from vimesh.notifier.notifier_process import NotifierSettings


@dataclass(frozen=True, slots=True)
class SidePorts:
    """What a process listens on beside its work. Empty: nothing."""

    metrics: str = ""
    probes: str = ""
    """Where supervisors without a certificate ask whether the process works."""


def side_ports(found: Sources, *, metrics: str | None, probe_listen: str | None) -> SidePorts:
    """Read where a process listens beside its work. Raises BadFlag, BadSetting."""
    return SidePorts(
        metrics=found.read(command_settings.METRICS, metrics),
        probes=found.read(command_settings.PROBE_LISTEN, probe_listen),
    )


@dataclass(frozen=True, slots=True)
class ConductorProcess:
    database_url: str
    key_file: Path
    quotas: Quotas
    serve: ConductorSettings
    metrics: str
    """Address to serve metrics on; empty: none."""


async def conductor(settings: ConductorProcess) -> None:
    """Run a conductor until a stop signal. Raises BadSetting, also if the tables have the wrong version."""
    from vimesh.conductor.conductor_process import run_conductor  # noqa: PLC0415 - see above
    from vimesh.store.rows.credential_encryption import FileCipher  # noqa: PLC0415 - as above
    from vimesh.store.sql_store import sql_store  # noqa: PLC0415 - as above
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - as above

    cipher = FileCipher(settings.key_file)
    with watched_calls("conductor") as process:
        await manage_tables.check(settings.database_url)
        collect_rarely()
        with stop_on_signals() as stopping:
            async with (
                _metrics_of("conductor", settings.metrics, settings.serve.credentials) as exposition,
                tracer_of("conductor") as tracer,
                sql_store(settings.database_url, cipher, quotas=settings.quotas) as store,
            ):
                until = _serving_until(stopping, process.link)
                serve = replace(settings.serve, tables=manage_tables.newest())
                await run_conductor(store, serve, until, process.calls, exposition=exposition, tracer=tracer)


async def monitor(settings: MonitorSettings, ports: SidePorts) -> None:
    """Run ping actions until a stop signal. Raises BadSetting."""
    from vimesh.monitor.loop_guard.safeguards import safeguards  # noqa: PLC0415 - other commands do not probe
    from vimesh.monitor.monitor_process import run_monitor  # noqa: PLC0415 - see above

    collect_rarely()
    with safeguards(take_record_path("monitor")) as guards, watched() as link, stop_on_signals() as stopping:
        async with (
            _metrics_of("monitor", ports.metrics, settings.credentials) as exposition,
            _probes_of(ports.probes, link),
            tracer_of("monitor", begins_traces=True) as tracer,
            asyncio.TaskGroup() as tasks,
        ):
            probing = tasks.create_task(
                run_monitor(
                    settings, safeguards=guards, started=link.notify_ready, exposition=exposition, tracer=tracer
                )
            )
            await stopping.asked()
            probing.cancel()


async def notifier(settings: NotifierSettings, ports: SidePorts) -> None:
    """Notify receivers until a stop signal. Raises BadSetting."""
    from vimesh.notifier.notifier_process import run_notifier_process  # noqa: PLC0415 - see above

    # It serves no calls; the record is where a supervisor looks for what a hung process worked on.
    with watched_calls("notifier") as process, stop_on_signals() as stopping:
        async with (
            _metrics_of("notifier", ports.metrics, settings.credentials) as exposition,
            _probes_of(ports.probes, process.link),
            tracer_of("notifier", begins_traces=True) as tracer,
            asyncio.TaskGroup() as tasks,
        ):
            notifying = tasks.create_task(
                run_notifier_process(settings, started=process.link.notify_ready, exposition=exposition, tracer=tracer)
            )
            await stopping.asked()
            notifying.cancel()


async def api(settings: ApiSettings, ports: SidePorts) -> None:
    """Serve HTTP, and run `settings.beside` with it, until a stop signal. Raises BadSetting."""
    from vimesh.api.api_process import run_api  # noqa: PLC0415 - see above

    with watched_calls("api") as process, stop_on_signals() as stopping:
        async with (
            _metrics_of("api", ports.metrics, settings.credentials) as exposition,
            _probes_of(ports.probes, process.link),
            tracer_of("api") as tracer,
        ):
            await run_api(settings, _serving_until(stopping, process.link), process.calls, exposition, tracer)


async def console(settings: ConsoleSettings, ports: SidePorts) -> None:
    """Serve the console until a stop signal. Raises BadSetting."""
    from vimesh.console.console_process import run_console  # noqa: PLC0415 - see above

    with watched_calls("console") as process, stop_on_signals() as stopping:
        async with (
            _metrics_of("console", ports.metrics, settings.credentials) as exposition,
            _probes_of(ports.probes, process.link),
            tracer_of("console") as tracer,
        ):
            await run_console(settings, _serving_until(stopping, process.link), process.calls, exposition, tracer)


async def bridge(settings: BridgeSettings, ports: SidePorts) -> None:
    """Serve the ping actions of old Tacker releases until a stop signal. Raises BadSetting."""
    from vimesh.bridge.service.bridge_process import run_bridge  # noqa: PLC0415 - see above

    with watched_calls("bridge") as process, stop_on_signals() as stopping:
        async with (
            _metrics_of("bridge", ports.metrics, settings.credentials) as exposition,
            _probes_of(ports.probes, process.link),
            tracer_of("bridge", begins_traces=True) as tracer,
        ):
            await run_bridge(settings, _serving_until(stopping, process.link), exposition, tracer)


@asynccontextmanager
async def _metrics_of(component: str, listen: str, credentials: Path | None) -> AsyncGenerator[Exposition | None]:
    """Serve metrics while the block runs, and yield what its collectors are given to; None if `listen` is empty."""
    if not listen:
        yield None
        return
    if find_spec("prometheus_client") is None or find_spec("uvicorn") is None:
        raise BadSetting("metrics", "need packages that are not installed: pip install '.[metrics]' in a checkout")
    from vimesh.metrics.catalogue.metric_entry import Component  # noqa: PLC0415 - only needed with --metrics
    from vimesh.metrics.exposition import MetricsSettings, exposition_of  # noqa: PLC0415 - as above

    async with exposition_of(Component(component), MetricsSettings(listen, credentials)) as exposition:
        yield exposition


@asynccontextmanager
async def _probes_of(listen: str, link: SupervisorLink) -> AsyncGenerator[None]:
    """Answer whether the loop runs, and whether the process serves, while the block runs; not if `listen` is empty."""
    if not listen:
        yield
        return
    from vimesh.rpc.ports.health_port import answering_probes  # noqa: PLC0415 - only needed with --probe-listen
    from vimesh.rpc.ports.loop_vitals import LoopVitals  # noqa: PLC0415 - as above

    vitals = LoopVitals()
    async with answering_probes(listen, vitals, ("",)), beside(vitals.follow(lambda: link.ready)):
        yield


@asynccontextmanager
async def tracer_of(component: str, *, begins_traces: bool = False) -> AsyncGenerator[Tracer | None]:
    """Send spans to the collector that OpenTelemetry's variables name; yield None if they name none: see `otlp_tracer`.

    Raises BadSetting.
    """
    endpoint = next((name for name in _OTLP_ENDPOINTS if os.environ.get(name)), None)
    if endpoint is None:
        yield None
        return
    if find_spec("opentelemetry") is None:
        raise BadSetting(endpoint, "needs packages that are not installed: pip install '.[otel]' in a checkout")
    from vimesh.tracing.otlp_tracer import otlp_tracer  # noqa: PLC0415 - only needed with an endpoint

    async with otlp_tracer(component, begins_traces=begins_traces) as tracer:
        yield tracer


def _serving_until(stopping: Stopping, link: SupervisorLink) -> Callable[[], Awaitable[None]]:
    """Return a function that a process awaits once it serves: it reports READY, and returns on a stop signal."""

    async def serve() -> None:
        link.notify_ready()
        await stopping.asked()

    return serve
