"""vimesh notify: notifies receivers of changes."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Annotated

import typer

from vimesh.cli.base import command_settings, common_settings, flags
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import ADDRESS, CREDENTIALS


def notify(  # noqa: PLR0913 - one parameter per flag
    *,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    notifier_id: Annotated[
        str | None,
        typer.Option(
            "--notifier-id",
            metavar="NAME",
            help="Name that no other notifier has [VIMESH_NOTIFIER_ID; default: made at each start].",
        ),
    ] = None,
    target_allow: flags.TargetAllow = None,
    target_deny: flags.TargetDeny = None,
    metrics: flags.Metrics = None,
    probe_listen: flags.ProbeListen = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Notify receivers of VIMs that are lost and found, until SIGTERM or Ctrl-C. Any number of notifiers may run.

    Loopback, link-local, metadata, multicast and unspecified addresses and the fleet's own are notified only if
    --target-allow names them.
    """
    from vimesh.cli.processes import compose, logs  # noqa: PLC0415 - other commands do not notify

    found = common_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=log_level, format_=log_format))
    if any(find_spec(name) is None for name in ("aiodns", "aiohttp", "aiosmtplib", "jinja2")):
        raise BadSetting(
            "vimesh notify", "needs packages that are not installed: pip install '.[notifier]' in a checkout"
        )
    from vimesh.notifier.notifier_process import NotifierSettings  # noqa: PLC0415 - needs those packages

    asyncio.run(
        compose.notifier(
            NotifierSettings(
                address=found.read(ADDRESS, address),
                credentials=found.read(CREDENTIALS, credentials),
                notifier_id=found.read(command_settings.NOTIFIER_ID, notifier_id),
                rules=command_settings.notification_rules(found, allow=target_allow, deny=target_deny),
            ),
            compose.side_ports(found, metrics=metrics, probe_listen=probe_listen),
        )
    )
