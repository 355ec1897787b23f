"""vimesh monitor: runs ping actions."""

from __future__ import annotations

import asyncio
from typing import Annotated

import structlog
import typer

from vimesh.cli.base import command_settings, common_settings, flags, history_settings
from vimesh.domain.actions import Shard
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.domain.settings import ADDRESS, CREDENTIALS
from vimesh.monitor.references.reference_addresses import REFERENCES


def monitor(  # noqa: PLR0913 - one parameter per flag
    *,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    vantage: Annotated[
        str | None,
        typer.Option(
            "--vantage",
            metavar="NAME",
            help="Probe from this place the VIMs that name it [VIMESH_MONITOR_VANTAGE; default: default].",
        ),
    ] = None,
    capacity: Annotated[
        str | None,
        typer.Option(
            "--capacity",
            metavar="N",
            help="Take N times as many VIMs as a monitor of capacity 1 [VIMESH_MONITOR_CAPACITY; default: 1].",
        ),
    ] = None,
    login_gap: Annotated[
        str | None,
        typer.Option(
            "--login-gap",
            metavar="SECONDS",
            help="Minimum seconds between two logins at one cloud, multiplied by the number of monitors "
            "[VIMESH_MONITOR_LOGIN_GAP; default: 2].",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Ignored, and gone in the next release: monitors share the VIMs by themselves [VIMESH_MONITOR_SHARD].",
        ),
    ] = None,
    probe_allow: flags.ProbeAllow = None,
    probe_deny: flags.ProbeDeny = None,
    reference: flags.Reference = None,
    history: history_settings.MonitorHistory = None,
    metrics: flags.Metrics = None,
    probe_listen: flags.ProbeListen = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Probe the VIMs of the embedded engine until SIGTERM or Ctrl-C.

    Several monitors of a vantage share its VIMs, and take over those of one that ends or dies: see `vimesh monitors`.

    Loopback, link-local, metadata, multicast and unspecified addresses and the fleet's own are probed only if
    --probe-allow names them.

    While none of its references answers, a monitor calls no VIM UNREACHABLE: what fails may be its own network.
    """
    from vimesh.cli.processes import compose, logs  # noqa: PLC0415 - other commands do not probe
    from vimesh.monitor.logins.vim_logins import LoginLimits  # noqa: PLC0415 - as above
    from vimesh.monitor.monitor_process import MonitorSettings  # noqa: PLC0415 - as above

    found = common_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=log_level, format_=log_format))
    if found.read(command_settings.SHARD, shard) != Shard():
        structlog.get_logger().warning(
            "--shard is ignored: monitors share the VIMs by themselves", next="remove --shard, VIMESH_MONITOR_SHARD"
        )
    asyncio.run(
        compose.monitor(
            MonitorSettings(
                address=found.read(ADDRESS, address),
                credentials=found.read(CREDENTIALS, credentials),
                place=PoolPlace(
                    found.read(command_settings.VANTAGE, vantage), found.read(command_settings.CAPACITY, capacity)
                ),
                rules=command_settings.target_rules(found, allow=probe_allow, deny=probe_deny),
                history=found.read(history_settings.MONITOR_HISTORY, history),
                logins=LoginLimits(gap_s=found.read(command_settings.LOGIN_GAP, login_gap)),
                references=found.read(REFERENCES, ",".join(reference) if reference else None),
            ),
            compose.side_ports(found, metrics=metrics, probe_listen=probe_listen),
        )
    )
