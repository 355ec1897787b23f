"""vimesh up: runs a fleet until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from vimesh.cli.base.command_settings import DEFAULT_METRICS_PORT, NO_METRICS
from vimesh.cli.base.terminal import coloured
from vimesh.cli.local_fleet.data_dir import locked
from vimesh.cli.local_fleet.environment import environment_of_parts
from vimesh.cli.local_fleet.fleet_options import FleetOptions, FleetSettings
from vimesh.cli.local_fleet.fleet_processes import LOOPBACK
from vimesh.cli.local_fleet.fleet_sockets import fleet_sockets
from vimesh.cli.local_fleet.free_ports import front_port
from vimesh.cli.local_fleet.greeting import ready_block
from vimesh.cli.local_fleet.local_fleet import EmbeddedFleet, Interrupted
from vimesh.cli.processes.stop_signals import stop_on_signals
from vimesh.cli.supervision.log_lines import LogStream
from vimesh.domain.errors import BadSetting
from vimesh.domain.vims import Engine
from vimesh.http.http_listener import listening

_LOOPBACK = ip_address("127.0.0.1").packed


async def run_up(wanted: FleetOptions) -> None:
    """Run a fleet until a stop signal. Raises Failure, BadSetting, StoreUnavailable, or a group of them."""
    stream = LogStream(sys.stderr, coloured=coloured(sys.stderr))
    environment = environment_of_parts(
        os.environ, wanted.logs, wanted.config, for_eyes=sys.stderr.isatty(), coloured=coloured(sys.stderr)
    )
    with (
        stop_on_signals() as stopping,
        locked(wanted.data_dir) as data_dir,
        fleet_sockets(data_dir.path) as sockets,
        front_port(wanted.fleet.host, wanted.fleet.port) as port,
        metrics_listener_of(wanted.metrics_port) or contextlib.nullcontext() as metrics_listener,
    ):
        settings = replace(wanted.fleet, port=port, metrics_listener=metrics_listener)
        fleet = EmbeddedFleet(settings, data_dir, sockets, environment, stream.say, stopping)
        await fleet.prepare()
        stream.say("vimesh", f"starting in {data_dir.path}")
        try:
            async with fleet.running():
                _say_ready(settings, str(data_dir.path), fleet.credentials)
                await stopping.asked()
                stream.say("vimesh", "stopping; press Ctrl-C again to stop at once")
        except* Interrupted:
            stream.say("vimesh", "stopped before the fleet was up")
    stream.say("vimesh", "all processes have stopped")


def metrics_listener_of(wanted: int | None) -> socket.socket | None:
    """Listen where the metrics are to be read; None for no metrics. Raises BadSetting if a wanted port is taken.

    Listening begins here, before the fleet starts, so that no other process can take the port in the meantime.
    """
    if wanted == NO_METRICS:
        return None
    if wanted is not None:
        return listening(f"{LOOPBACK}:{wanted}", "--metrics-port")
    try:
        return listening(f"{LOOPBACK}:{DEFAULT_METRICS_PORT}")
    except BadSetting:
        return listening(f"{LOOPBACK}:0")


def _probes_loopback(settings: FleetSettings) -> bool | None:
    if settings.engine is Engine.MISTRAL:
        return None  # its executors have rules of their own
    return settings.monitor_rules.denial(_LOOPBACK, ()) is None


def _say_ready(settings: FleetSettings, data_dir: str, credentials: Path | None) -> None:
    counted = "1 conductor" if settings.conductors == 1 else f"{settings.conductors} conductors"
    listener = settings.metrics_listener
    block = ready_block(
        settings.address,
        summary=f"{counted}, engine {settings.engine.lower()}, data in {data_dir}",
        credentials=credentials,
        probes_loopback=_probes_loopback(settings),
        metrics=None if listener is None else f"{LOOPBACK}:{listener.getsockname()[1]}",
    )
    # Standard output may be closed, which is no reason to stop the fleet.
    with contextlib.suppress(OSError):
        print(f"\n{block}", flush=True)  # noqa: T201 - the output of the command
