"""Defines the flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with settings [VIMESH_CONFIG; default: ./vimesh.toml, if it exists].",
    ),
]
Level = Annotated[
    str | None,
    typer.Option(
        "--log-level",
        metavar="debug|info|warning|error",
        help="Minimum level to log [VIMESH_LOG_LEVEL; default: info].",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--log-format", metavar="auto|console|logfmt|json", help="Log format [VIMESH_LOG_FORMAT; default: auto]."
    ),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="HOST:PORT|unix:PATH",
        help="Address to serve metrics for Prometheus on: with --credentials, to readers who show a certificate; "
        "without, on loopback addresses and sockets only [VIMESH_METRICS; default: none].",
    ),
]
ProbeListen = Annotated[
    str | None,
    typer.Option(
        "--probe-listen",
        metavar="HOST:PORT",
        help="Address to answer gRPC health checks on, without TLS, for supervisors such as a kubelet "
        "[VIMESH_PROBE_LISTEN; default: none].",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="Address of the front [VIMESH_ADDRESS; default: 127.0.0.1:7600]."
    ),
]
Credentials = Annotated[
    str | None,
    typer.Option(
        "--credentials",
        metavar="DIR",
        help="Folder with tls.crt, tls.key, ca.crt or token to use TLS with [VIMESH_CREDENTIALS; default: no TLS].",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "--context",
        metavar="NAME",
        help="Profile to take address and credentials from [VIMESH_PROFILE; default: the current one].",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url", metavar="URL", help="Database URL, such as sqlite:///vimesh.sqlite [VIMESH_DATABASE_URL]."
    ),
]
KeepEvents = Annotated[
    str | None,
    typer.Option(
        "--keep-events",
        metavar="N",
        help="Maximum number of changes to keep [VIMESH_CONDUCTOR_KEEP_EVENTS; default: 1000000].",
    ),
]
KeepFor = Annotated[
    str | None,
    typer.Option(
        "--keep-for",
        metavar="DURATION",
        help="Maximum age of changes to keep [VIMESH_CONDUCTOR_KEEP_FOR; default: 30d].",
    ),
]
KeepBytes = Annotated[
    str | None,
    typer.Option(
        "--keep-bytes",
        metavar="SIZE",
        help="Maximum size of all changes, such as 512MiB [VIMESH_CONDUCTOR_KEEP_BYTES; default: 1GiB].",
    ),
]
QuotaVims = Annotated[
    str | None,
    typer.Option(
        "--quota-vims",
        metavar="N|unlimited",
        help="Maximum number of VIMs of a project [VIMESH_CONDUCTOR_QUOTA_VIMS; default: unlimited].",
    ),
]
QuotaEventBytes = Annotated[
    str | None,
    typer.Option(
        "--quota-event-bytes",
        metavar="SIZE|unlimited",
        help="Maximum size of the changes that callers make to the VIMs of a project, such as 64MiB, as long as they "
        "are kept [VIMESH_CONDUCTOR_QUOTA_EVENT_BYTES; default: unlimited].",
    ),
]
QuotaChangesPerS = Annotated[
    str | None,
    typer.Option(
        "--quota-changes-per-s",
        metavar="N|unlimited",
        help="Maximum number of changes that callers make to the VIMs of a project per second "
        "[VIMESH_CONDUCTOR_QUOTA_CHANGES_PER_S; default: unlimited].",
    ),
]
QuotaFile = Annotated[
    Path | None,
    typer.Option(
        "--quota-file",
        metavar="FILE",
        help="YAML file with the quotas of projects that differ from the others "
        "[VIMESH_CONDUCTOR_QUOTA_FILE; default: none].",
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="embedded|mistral",
        help="Engine that runs the ping actions of new VIMs; mistral serves both engines "
        "[VIMESH_ENGINE; default: embedded].",
    ),
]
MistralUrl = Annotated[
    str | None,
    typer.Option(
        "--mistral-url", metavar="URL", help="URL of Mistral, such as http://127.0.0.1:8989/v2 [VIMESH_MISTRAL_URL]."
    ),
]
ProbeAllow = Annotated[
    list[str] | None,
    typer.Option(
        "--probe-allow",
        metavar="NETWORK",
        help="Network whose addresses may be probed although that is not the default, such as 127.0.0.0/8. May be "
        "repeated [VIMESH_PROBE_ALLOW, separated by commas].",
    ),
]
ProbeDeny = Annotated[
    list[str] | None,
    typer.Option(
        "--probe-deny",
        metavar="NETWORK",
        help="Network whose addresses must not be probed, whatever --probe-allow names. May be repeated "
        "[VIMESH_PROBE_DENY, separated by commas].",
    ),
]
Reference = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="ADDRESS",
        help="Host to ping, HOST:PORT to connect to, or URL, that answers while the network of this process works, "
        "such as its router or name servers. At least two, repeated [VIMESH_MONITOR_REFERENCES, separated by commas].",
    ),
]
TargetAllow = Annotated[
    list[str] | None,
    typer.Option(
        "--target-allow",
        metavar="NETWORK",
        help="Network whose addresses may be notified although that is not the default, such as 127.0.0.0/8. May be "
        "repeated [VIMESH_TARGET_ALLOW, separated by commas].",
    ),
]
TargetDeny = Annotated[
    list[str] | None,
    typer.Option(
        "--target-deny",
        metavar="NETWORK",
        help="Network whose addresses must not be notified, whatever --target-allow names. May be repeated "
        "[VIMESH_TARGET_DENY, separated by commas].",
    ),
]
KeystoneFile = Annotated[
    str | None,
    typer.Option(
        "--keystone-file",
        metavar="FILE",
        help="Configuration file of an OpenStack service with [keystone_authtoken]: take tokens of its Keystone from "
        "callers of Tacker's REST [VIMESH_API_KEYSTONE_FILE].",
    ),
]
KeyFile = Annotated[
    str | None,
    typer.Option(
        "--key-file",
        metavar="FILE|credential:NAME",
        help="File with the keys that encrypt credentials, or the name of a systemd credential [VIMESH_KEY_FILE].",
    ),
]
