"""vimesh bridge: serves the ping actions of old Tacker releases over RabbitMQ."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from vimesh.cli.base import command_settings, common_settings, flags
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import ADDRESS, CREDENTIALS


def bridge(  # noqa: PLR0913 - one parameter per flag
    *,
    transport_url: Annotated[
        str | None,
        typer.Option(
            "--transport-url",
            metavar="URL",
            help="URL of RabbitMQ, such as rabbit://user:password@host:5672/. Overrides the URL in --config-file; "
            "options in its query override those in the file [VIMESH_BRIDGE_TRANSPORT_URL].",
        ),
    ] = None,
    config_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--config-file",
            metavar="FILE",
            help="Configuration file of a service that uses the same broker, such as /etc/tacker/tacker.conf: its "
            "[DEFAULT] and [oslo_messaging_rabbit] sections apply here, too. May be repeated; later files win "
            "[VIMESH_BRIDGE_CONFIG_FILE, separated by commas].",
        ),
    ] = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="ENGINE=POLICY",
            help="How to treat a report without an action id if the VIM wants another action. ENGINE is where the "
            "wanted action runs: embedded, mistral, external. POLICY is reject: the report is ignored and the old "
            "action is killed; adopt: the VIM becomes external and belongs to the old action (not for external); "
            "accept: the report counts as if the wanted action had sent it. May be given once per engine "
            "[VIMESH_BRIDGE_POLICY, separated by commas; default: reject for each].",
        ),
    ] = None,
    broker_user: Annotated[
        list[str] | None,
        typer.Option(
            "--broker-user",
            metavar="USER=PROJECT",
            help="Project for whose VIMs a user of the broker may report; *: all. Then each call must name its user in "
            "the property user_id, and others are refused. May be repeated, also for a user with several projects "
            "[VIMESH_BRIDGE_BROKER_USER, separated by commas; default: all users, all projects].",
        ),
    ] = None,
    hold: Annotated[
        str | None,
        typer.Option(
            "--hold",
            metavar="DURATION",
            help="How long to delay replies to calls without an action id; 0: no delay "
            "[VIMESH_BRIDGE_HOLD; default: 5s].",
        ),
    ] = None,
    concurrency: Annotated[
        str | None,
        typer.Option(
            "--concurrency",
            metavar="N",
            help="Maximum number of calls in progress [VIMESH_BRIDGE_CONCURRENCY; default: 1000].",
        ),
    ] = None,
    state_dir: Annotated[
        str | None,
        typer.Option(
            "--state-dir",
            metavar="DIR",
            help="Directory for the state of this bridge [VIMESH_BRIDGE_STATE_DIR; default: ./.vimesh/bridge].",
        ),
    ] = None,
    metrics: flags.Metrics = None,
    probe_listen: flags.ProbeListen = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Serve the RPC of Tacker's conductor to ping actions until SIGTERM or Ctrl-C."""
    from vimesh.cli.processes import compose, logs  # noqa: PLC0415 - other commands do not speak AMQP

    found = common_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=log_level, format_=log_format))
    transport = found.read(command_settings.TRANSPORT_URL, transport_url)
    files = tuple(config_file) if config_file else found.read(command_settings.CONFIG_FILES)
    policies = found.read(command_settings.POLICIES, ",".join(policy) if policy else None)
    users = found.read(command_settings.BROKER_USERS, ",".join(broker_user) if broker_user else None)
    if find_spec("aio_pika") is None:
        raise BadSetting("bridge", "needs packages that are not installed: pip install '.[cli,bridge]' in a checkout")
    from vimesh.bridge.calls.update_vim import UpdateRules  # noqa: PLC0415 - as above
    from vimesh.bridge.config.deployment import deployment  # noqa: PLC0415 - only the bridge reads these files
    from vimesh.bridge.service.bridge_process import BridgeSettings  # noqa: PLC0415 - needs the AMQP client

    asyncio.run(
        compose.bridge(
            BridgeSettings(
                address=found.read(ADDRESS, address),
                credentials=found.read(CREDENTIALS, credentials),
                deployment=deployment(transport, files),
                state_dir=found.read(command_settings.STATE_DIR, state_dir),
                rules=UpdateRules(hold_s=found.read(command_settings.HOLD, hold), policies=policies, users=users),
                concurrency=found.read(command_settings.BRIDGE_CONCURRENCY, concurrency),
            ),
            compose.side_ports(found, metrics=metrics, probe_listen=probe_listen),
        )
    )
