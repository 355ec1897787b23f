"""vimesh api: drives Mistral."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from vimesh.cli import flags, settings
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import ADDRESS
from vimesh.domain.vims import Engine


def api(  # noqa: PLR0913 - one parameter per flag
    *,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="mistral", help="Whose workflows to drive [VIMESH_ENGINE].")
    ] = None,
    mistral_url: flags.MistralUrl = None,
    concurrency: Annotated[
        str | None,
        typer.Option(
            "--concurrency", metavar="N", help="Calls to Mistral at the same time [VIMESH_API_CONCURRENCY; default 8]."
        ),
    ] = None,
    address: flags.Address = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Start and remove the Mistral workflows of VIMs until SIGTERM or Ctrl-C.

    Logs in at Keystone if OS_AUTH_URL and its like are set.
    """
    from vimesh.cli import compose, logs, mistral  # noqa: PLC0415 - other commands do not drive Mistral

    found = settings.given(config)
    logs.set_up(settings.log_settings(found, level=log_level, format_=log_format))
    if found.read(settings.ENGINE, engine) is not Engine.MISTRAL:
        raise BadSetting(settings.ENGINE.flag, "an api process is there for: --engine mistral")
    access = mistral.access(found, url=mistral_url, concurrency=concurrency)
    from vimesh.api.run import ApiSettings  # noqa: PLC0415 - needs Mistral's client
    from vimesh.api.steward import StewardLimits  # noqa: PLC0415

    lease_s = found.read(settings.LEASE)
    # Twice the calls: while Mistral answers, the next tasks are there already.
    limits = StewardLimits(tasks=2 * access.concurrency, lease_s=lease_s, work_s=lease_s * 2 / 3)
    asyncio.run(compose.api(ApiSettings(found.read(ADDRESS, address), access, limits)))
