"""vimesh conductor: runs one of the processes that own the database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from vimesh.cli.base import command_settings, common_settings, flags, history_settings, quota_settings

_SWITCH_INTERVAL_S: Final = 0.0005


def conductor(  # noqa: PLR0913 - one parameter per flag
    *,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="HOST:PORT|unix:PATH",
            help="Address to serve gRPC on [VIMESH_CONDUCTOR_LISTEN; default: 127.0.0.1:7601].",
        ),
    ] = None,
    health_listen: Annotated[
        str | None,
        typer.Option(
            "--health-listen",
            metavar="HOST:PORT|unix:PATH",
            help="Address of the health check, which answers even under load"
            " [VIMESH_CONDUCTOR_HEALTH_LISTEN; default: a free port of the same host, or PATH.health].",
        ),
    ] = None,
    channelz: Annotated[
        str | None,
        typer.Option(
            "--channelz",
            metavar="unix:PATH",
            help="Socket to serve gRPC's channelz on, with a line for each connection and stream"
            " [VIMESH_CONDUCTOR_CHANNELZ; default: none].",
        ),
    ] = None,
    database_url: flags.DatabaseUrl = None,
    key_file: flags.KeyFile = None,
    credentials: Annotated[
        str | None,
        typer.Option(
            "--credentials",
            metavar="DIR",
            help="Folder with tls.crt, tls.key and ca.crt: serve by TLS, and require a certificate of clients"
            " [VIMESH_CONDUCTOR_CREDENTIALS; default: no TLS].",
        ),
    ] = None,
    require_identity: Annotated[
        bool | None,
        typer.Option(
            "--require-identity/--no-require-identity",
            help="Refuse calls without an identity that the front has proved"
            " [VIMESH_CONDUCTOR_REQUIRE_IDENTITY; default: no].",
        ),
    ] = None,
    audit_file: Annotated[
        str | None,
        typer.Option(
            "--audit-file",
            metavar="FILE",
            help="File to append a line of JSON to for each change and each refusal"
            " [VIMESH_CONDUCTOR_AUDIT_FILE; default: none].",
        ),
    ] = None,
    contact_within: Annotated[
        str | None,
        typer.Option(
            "--contact-within",
            metavar="DURATION",
            help="Shortest time within which a ping action must make contact again "
            "[VIMESH_CONDUCTOR_CONTACT_WITHIN; default: 10s].",
        ),
    ] = None,
    contacts_per_s: Annotated[
        str | None,
        typer.Option(
            "--contacts-per-s",
            metavar="N",
            help="Contacts per second of the whole fleet: with more VIMs, each makes contact less often "
            "[VIMESH_CONDUCTOR_CONTACTS_PER_S; default: 2000].",
        ),
    ] = None,
    replacements_per_s: Annotated[
        str | None,
        typer.Option(
            "--replacements-per-s",
            metavar="N",
            help="Maximum number of silent ping actions to replace per second; 0: none "
            "[VIMESH_CONDUCTOR_REPLACEMENTS_PER_S; default: 200].",
        ),
    ] = None,
    keep_events: flags.KeepEvents = None,
    keep_for: flags.KeepFor = None,
    keep_bytes: flags.KeepBytes = None,
    history_size: history_settings.HistorySize = None,
    quota_vims: flags.QuotaVims = None,
    quota_event_bytes: flags.QuotaEventBytes = None,
    quota_changes_per_s: flags.QuotaChangesPerS = None,
    quota_file: flags.QuotaFile = None,
    engine: flags.Engine = None,
    metrics: flags.Metrics = None,
    probe_listen: flags.ProbeListen = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Serve every gRPC service until SIGTERM or Ctrl-C, then drain."""
    import uvloop  # noqa: PLC0415 - clients need neither this nor SQL

    from vimesh.cli.processes import compose, logs  # noqa: PLC0415 - as above
    from vimesh.conductor.conductor_process import ConductorSettings  # noqa: PLC0415 - as above
    from vimesh.conductor.engines import Engines  # noqa: PLC0415 - as above
    from vimesh.conductor.upkeep.lease_sweep import SweepLimits  # noqa: PLC0415 - as above
    from vimesh.domain.history.history_limits import HistoryLimits  # noqa: PLC0415 - as above

    # The loop takes the GIL about ten times per call, and the store's threads release it only after this interval: with
    # Python's default of 5 ms, two threads that build long lists would delay each report by 100 ms.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    found = common_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=log_level, format_=log_format))
    # A call consists mostly of event loop steps, which are cheaper in uvloop.
    uvloop.run(
        compose.conductor(
            compose.ConductorProcess(
                database_url=command_settings.required_database_url(found, database_url),
                key_file=command_settings.required_key_file(found, key_file),
                quotas=quota_settings.quotas(
                    found,
                    vims=quota_vims,
                    event_bytes=quota_event_bytes,
                    changes_per_s=quota_changes_per_s,
                    file=quota_file,
                ),
                serve=ConductorSettings(
                    listen=found.read(command_settings.LISTEN, listen),
                    health_listen=found.read(command_settings.HEALTH_LISTEN, health_listen),
                    probe_listen=found.read(command_settings.PROBE_LISTEN, probe_listen),
                    channelz=found.read(command_settings.CHANNELZ, channelz),
                    credentials=_path(found.read(command_settings.CONDUCTOR_CREDENTIALS, credentials)),
                    requires_identity=found.read(command_settings.REQUIRE_IDENTITY, require_identity),
                    audit_file=_path(found.read(command_settings.AUDIT_FILE, audit_file)),
                    contact_within_s=found.read(command_settings.CONTACT_WITHIN, contact_within),
                    contacts_per_s=found.read(command_settings.CONTACTS_PER_S, contacts_per_s),
                    sweep=SweepLimits(found.read(command_settings.REPLACEMENTS_PER_S, replacements_per_s)),
                    retention=command_settings.retention(
                        found, keep_events=keep_events, keep_for=keep_for, keep_bytes=keep_bytes
                    ),
                    history=HistoryLimits(found.read(history_settings.HISTORY_SIZE, history_size)),
                    engines=Engines(found.read(command_settings.ENGINE, engine)),
                ),
                metrics=found.read(command_settings.METRICS, metrics),
            )
        )
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None
