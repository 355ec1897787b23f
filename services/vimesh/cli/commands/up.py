"""vimesh up and vimesh demo: read the flags of both."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from vimesh.cli.base import command_settings, common_settings, flags, history_settings, quota_settings
from vimesh.cli.processes import mistral_flags
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag
from vimesh.domain.vims import Engine

Port = Annotated[
    str | None,
    typer.Option("--port", metavar="PORT", help="Port of the front; 0: any free port [VIMESH_UP_PORT; default: 7600]."),
]
Listen = Annotated[
    str | None,
    typer.Option("--listen", metavar="IP", help="IP address of the front [VIMESH_UP_LISTEN; default: 127.0.0.1]."),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Directory for all data [VIMESH_UP_DATA_DIR; default: ./.vimesh]."),
]
Conductors = Annotated[
    str | None,
    typer.Option("--conductors", metavar="N", help="Number of conductors [VIMESH_UP_CONDUCTORS; default: 2]."),
]


def up(  # noqa: PLR0913 - one parameter per flag
    *,
    port: Port = None,
    listen: Listen = None,
    data_dir: DataDir = None,
    conductors: Conductors = None,
    secured: Annotated[
        bool | None,
        typer.Option(
            "--secured/--insecure",
            help="Require certificates, which the fleet makes for itself and its user, or serve anyone who can reach "
            "a loopback address [VIMESH_UP_SECURED; default: --secured].",
            show_default=False,
        ),
    ] = None,
    database_url: flags.DatabaseUrl = None,
    key_file: flags.KeyFile = None,
    engine: flags.Engine = None,
    mistral_url: flags.MistralUrl = None,
    quota_vims: flags.QuotaVims = None,
    quota_event_bytes: flags.QuotaEventBytes = None,
    quota_changes_per_s: flags.QuotaChangesPerS = None,
    quota_file: flags.QuotaFile = None,
    keystone_file: flags.KeystoneFile = None,
    probe_allow: flags.ProbeAllow = None,
    probe_deny: flags.ProbeDeny = None,
    target_allow: flags.TargetAllow = None,
    target_deny: flags.TargetDeny = None,
    history: history_settings.UpHistory = None,
    metrics_port: Annotated[
        str | None,
        typer.Option(
            "--metrics-port",
            metavar="PORT|off",
            help="Port on 127.0.0.1 to serve the metrics of all processes on, to readers with a certificate unless "
            "--insecure; 0: any free port "
            "[VIMESH_UP_METRICS_PORT; default: 9464, or any free port if it is in use].",
        ),
    ] = None,
    channelz: Annotated[
        bool | None,
        typer.Option(
            "--channelz/--no-channelz",
            help="Serve gRPC's channelz for each conductor, on the socket DIR/sockets/conductor-N.channelz "
            "[VIMESH_UP_CHANNELZ; default: --no-channelz].",
            show_default=False,
        ),
    ] = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Run a whole fleet in the foreground: Envoy, conductors, an api process, a monitor, a notifier, a console.

    Ctrl-C stops it.

    With --engine mistral there is no monitor: the api process drives Mistral, which runs the ping actions.
    On a loopback address, the monitor may probe loopback addresses, and the notifier may notify them, too.
    """
    from vimesh.cli.local_fleet.fleet_options import FleetOptions, FleetSettings  # noqa: PLC0415 - clients need no fleet
    from vimesh.cli.local_fleet.run_up import run_up  # noqa: PLC0415 - as above

    found = common_settings.given(config)
    quota_flags: quota_settings.QuotaFlags = {
        "vims": quota_vims,
        "event_bytes": quota_event_bytes,
        "changes_per_s": quota_changes_per_s,
        "file": quota_file,
    }
    quota_settings.quotas(found, **quota_flags)  # raises BadSetting before anything is started
    fleet = FleetSettings(
        host=found.read(command_settings.UP_LISTEN, listen),
        port=found.read(command_settings.UP_PORT, port),
        conductors=found.read(command_settings.UP_CONDUCTORS, conductors),
        secured=found.read(command_settings.UP_SECURED, secured),
        database_url=found.read(command_settings.DATABASE_URL, database_url),
        engine=found.read(command_settings.ENGINE, engine),
        mistral_url=found.read(command_settings.MISTRAL_URL, mistral_url),
        rules=command_settings.target_rules(found, allow=probe_allow, deny=probe_deny),
        notification_rules=command_settings.notification_rules(found, allow=target_allow, deny=target_deny),
        history=found.read(history_settings.UP_HISTORY, history),
        quota_arguments=quota_settings.quota_arguments(**quota_flags),
        key_file=_absolute(command_settings.optional_key_file(found, key_file)),
        channelz=found.read(command_settings.UP_CHANNELZ, channelz),
        keystone_file=_absolute(found.read(command_settings.KEYSTONE_FILE, keystone_file)),
    )
    wanted = FleetOptions(
        fleet,
        data_dir=found.read(common_settings.UP_DATA_DIR, data_dir),
        logs=command_settings.log_settings(found, level=log_level, format_=log_format),
        config=config,
        metrics_port=found.read(command_settings.UP_METRICS_PORT, metrics_port),
    )
    if not fleet.secured and not ip_address(fleet.host).is_loopback:
        raise BadSetting("--insecure", f"is for loopback addresses only, and {fleet.host} is none; omit it")
    if fleet.keystone_file is not None:
        if not fleet.secured:
            raise BadSetting("--keystone-file", "is for a fleet that asks who calls; omit --insecure")
        from vimesh.api.keystone.service_file import read_service_file  # noqa: PLC0415 - needs optional packages

        read_service_file(fleet.keystone_file)  # raises BadSetting before anything is started
    if fleet.engine is Engine.MISTRAL:
        mistral_flags.access(found, url=mistral_url)  # raises BadSetting before anything is started
    asyncio.run(run_up(wanted))


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def demo(  # noqa: PLR0913 - one parameter per flag
    *,
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="DURATION", help="Stop automatically after this time.")
    ] = None,
    port: Annotated[
        str | None,
        typer.Option(
            "--port", metavar="PORT", help="Port of the front (default: 7600, or any free port if it is in use)."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="DIR", help="Directory for all data (default: a temporary one, removed at the end)."
        ),
    ] = None,
    conductors: Conductors = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="table|json", help="Output format of the changes.")
    ] = None,
    config: flags.Config = None,
) -> None:
    """Run a fleet with three endpoints that come and go, and show their status changes. Ctrl-C stops it."""
    from vimesh.cli.demo.run_demo import run_demo  # noqa: PLC0415 - clients need no fleet
    from vimesh.cli.local_fleet.fleet_options import Demo  # noqa: PLC0415 - as above

    found = common_settings.given(config)
    try:
        duration_s = None if duration is None else common_settings.positive_s(duration)
    except ValueError as error:
        raise BadFlag("--duration", str(error)) from error
    asyncio.run(
        run_demo(
            Demo(
                port=None if port is None else found.read(command_settings.UP_PORT, port),
                data_dir=data_dir,
                conductors=found.read(command_settings.UP_CONDUCTORS, conductors),
                output=found.read(common_settings.OUTPUT, output),
                duration_s=duration_s,
                config=config,
            )
        )
    )
