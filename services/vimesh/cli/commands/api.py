"""vimesh api: serves Tacker's REST API and drives Mistral."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from vimesh.cli.base import command_settings, common_settings, flags
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import ADDRESS, CREDENTIALS, Sources
from vimesh.domain.vims import Engine

if TYPE_CHECKING:
    from vimesh.api.mistral_driver import MistralDriver  # needs Mistral's client, which is optional


def api(  # noqa: PLR0913 - one parameter per flag
    *,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="HOST:PORT|unix:PATH",
            help="Address to serve HTTP on [VIMESH_API_LISTEN; default: 127.0.0.1:7602].",
        ),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="ID", help="Default project of new VIMs [VIMESH_API_PROJECT; default: default]."
        ),
    ] = None,
    keystone_file: flags.KeystoneFile = None,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="embedded|mistral",
            help="With mistral, also start and remove Mistral workflows [VIMESH_ENGINE].",
        ),
    ] = None,
    mistral_url: flags.MistralUrl = None,
    concurrency: Annotated[
        str | None,
        typer.Option(
            "--concurrency",
            metavar="N",
            help="Maximum number of concurrent calls to Mistral [VIMESH_API_CONCURRENCY; default: 8].",
        ),
    ] = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    metrics: flags.Metrics = None,
    probe_listen: flags.ProbeListen = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Serve Tacker's REST API until SIGTERM or Ctrl-C; with --engine mistral, also start and remove Mistral workflows.

    With --credentials, its callers have to prove who they are, and it calls conductors for them.

    With --engine mistral, authenticate with Keystone if OS_AUTH_URL and related variables are set.
    """
    from vimesh.cli.processes import compose, logs  # noqa: PLC0415 - clients serve nothing

    found = common_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=log_level, format_=log_format))
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise BadSetting("vimesh api", "needs packages that are not installed: pip install '.[api]' in a checkout")
    drives = found.read(command_settings.ENGINE, engine) is Engine.MISTRAL
    beside = _driver(found, url=mistral_url, concurrency=concurrency) if drives else None
    from vimesh.api.api_process import ApiSettings  # noqa: PLC0415 - as above
    from vimesh.api.rest.rest_app import RestSettings  # noqa: PLC0415 - needs the HTTP server

    asyncio.run(
        compose.api(
            ApiSettings(
                address=found.read(ADDRESS, address),
                credentials=found.read(CREDENTIALS, credentials),
                listen=found.read(command_settings.API_LISTEN, listen),
                rest=RestSettings(project=found.read(command_settings.API_PROJECT, project)),
                keystone_file=found.read(command_settings.KEYSTONE_FILE, keystone_file),
                beside=beside,
            ),
            compose.side_ports(found, metrics=metrics, probe_listen=probe_listen),
        )
    )


def _driver(found: Sources, *, url: str | None, concurrency: str | None) -> MistralDriver:
    """Build the driver from the settings. Raises BadSetting."""
    from vimesh.cli.processes import mistral_flags  # noqa: PLC0415 - only needed with --engine mistral

    access = mistral_flags.access(found, url=url, concurrency=concurrency)
    from vimesh.api.mistral_driver import MistralDriver  # noqa: PLC0415 - needs Mistral's client
    from vimesh.api.workflows.task_worker import TaskWorkerLimits  # noqa: PLC0415 - as above

    lease_s = found.read(command_settings.LEASE)
    # Twice the calls: the next tasks are already claimed while Mistral answers.
    return MistralDriver(
        access, TaskWorkerLimits(tasks=2 * access.concurrency, lease_s=lease_s, work_s=lease_s * 2 / 3)
    )
