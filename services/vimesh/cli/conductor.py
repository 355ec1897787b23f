"""vimesh conductor: one of the processes that own the database."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vimesh.cli import flags, settings
from vimesh.domain.errors import BadSetting


def conductor(  # noqa: PLR0913 - one parameter per flag
    *,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="[VIMESH_CONDUCTOR_LISTEN; default 127.0.0.1:7601]"),
    ] = None,
    database_url: flags.DatabaseUrl = None,
    key_file: flags.KeyFile = None,
    contact_within: Annotated[
        str | None,
        typer.Option(
            "--contact-within",
            metavar="DURATION",
            help="How soon a ping action is asked to be back [VIMESH_CONDUCTOR_CONTACT_WITHIN; default 30s].",
        ),
    ] = None,
    log_level: flags.Level = None,
    log_format: flags.Format = None,
    config: flags.Config = None,
) -> None:
    """Serve every gRPC service until SIGTERM or Ctrl-C, then drain."""
    from vimesh.cli import compose, logs  # noqa: PLC0415 - a client needs no SQL
    from vimesh.conductor.server import ConductorSettings  # noqa: PLC0415

    found = settings.given(config)
    logs.set_up(settings.log_settings(found, level=log_level, format_=log_format))
    asyncio.run(
        compose.conductor(
            compose.ConductorProcess(
                database_url=required(settings.DATABASE_URL.flag, found.read(settings.DATABASE_URL, database_url)),
                key_file=Path(required(settings.KEY_FILE.flag, found.read(settings.KEY_FILE, key_file))),
                serve=ConductorSettings(
                    listen=found.read(settings.LISTEN, listen),
                    contact_within_s=found.read(settings.CONTACT_WITHIN, contact_within),
                ),
            )
        )
    )


_WHAT_TO_TYPE = {
    settings.DATABASE_URL.flag: "is required, such as sqlite:///vimesh.sqlite; make its tables with: vimesh db upgrade",
    settings.KEY_FILE.flag: "is required; make one with: vimesh db make-key FILE",
}


def required(flag: str, value: str) -> str:
    """Raise BadSetting with what to type unless there is a value."""
    if not value:
        raise BadSetting(flag, _WHAT_TO_TYPE[flag])
    return value
