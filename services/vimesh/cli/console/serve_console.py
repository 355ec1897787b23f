"""vimesh console: serves the browser application and status pages."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from vimesh.cli.base import command_settings, common_settings, flags
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import ADDRESS, CREDENTIALS, Sources

if TYPE_CHECKING:
    from vimesh.console.console_app import SignIn  # needs the HTTP server, which is optional


def console(  # noqa: PLR0913 - one parameter per flag
    *,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="HOST:PORT|unix:PATH",
            help="Address to serve HTTP on [VIMESH_CONSOLE_LISTEN; default: 127.0.0.1:7603].",
        ),
    ] = None,
    oidc_issuer: Annotated[
        str | None,
        typer.Option(
            "--oidc-issuer",
            metavar="URL",
            help="OpenID Connect issuer that signs people in [VIMESH_CONSOLE_OIDC_ISSUER].",
        ),
    ] = None,
    oidc_client_id: Annotated[
        str | None,
        typer.Option(
            "--oidc-client-id",
            metavar="ID",
            help="Client that the console is at the issuer: public, with PKCE [VIMESH_CONSOLE_OIDC_CLIENT_ID].",
        ),
    ] = None,
    oidc_scopes: Annotated[
        str | None,
        typer.Option(
            "--oidc-scopes",
            metavar="SCOPES",
            help="Scopes to ask for, separated by spaces [VIMESH_CONSOLE_OIDC_SCOPES; default: openid].",
        ),
    ] = None,
    oidc_origins: Annotated[
        str | None,
        typer.Option(
            "--oidc-origins",
            metavar="ORIGINS",
            help="Origins that browsers ask beside that of the issuer, such as that of its token endpoint, separated "
            "by spaces [VIMESH_CONSOLE_OIDC_ORIGINS].",
        ),
    ] = None,
    status_pages: Annotated[
        str | None,
        typer.Option(
            "--status-pages",
            metavar="FILE",
            help="YAML file of the status pages to serve [VIMESH_CONSOLE_STATUS_PAGES; default: none].",
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
    """Serve the console and status pages until SIGTERM or Ctrl-C. Any number of consoles may run behind fronts.

    The console runs in the browser, and calls conductors as the person who uses it.
    """
    from vimesh.cli.processes import compose, logs  # noqa: PLC0415 - clients serve nothing

    found = common_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=log_level, format_=log_format))
    if any(find_spec(name) is None for name in ("jinja2", "starlette", "uvicorn")):
        raise BadSetting(
            "vimesh console", "needs packages that are not installed: pip install '.[console]' in a checkout"
        )
    from vimesh.console.console_process import ConsoleSettings  # noqa: PLC0415 - needs those packages
    from vimesh.console.status.pages_file import read_pages  # noqa: PLC0415 - as above

    path = found.read(command_settings.STATUS_PAGES, status_pages)

    asyncio.run(
        compose.console(
            ConsoleSettings(
                address=found.read(ADDRESS, address),
                credentials=found.read(CREDENTIALS, credentials),
                listen=found.read(command_settings.CONSOLE_LISTEN, listen),
                sign_in=_sign_in(found, oidc_issuer, oidc_client_id, oidc_scopes, oidc_origins),
                pages={} if path is None else read_pages(path),
            ),
            compose.side_ports(found, metrics=metrics, probe_listen=probe_listen),
        )
    )


def _sign_in(
    found: Sources, issuer: str | None, client_id: str | None, scopes: str | None, origins: str | None
) -> SignIn | None:
    """Read how people sign in; None if nothing says so. Raises BadFlag, BadSetting."""
    from vimesh.console.console_app import SignIn  # noqa: PLC0415 - as above

    url, client = (
        found.read(command_settings.OIDC_ISSUER, issuer),
        found.read(command_settings.OIDC_CLIENT_ID, client_id),
    )
    if bool(url) != bool(client):
        missing = command_settings.OIDC_CLIENT_ID if url else command_settings.OIDC_ISSUER
        raise BadSetting(missing.flag, "is required: --oidc-issuer and --oidc-client-id go together")
    if not url:
        return None
    asked_for: tuple[str, ...] = found.read(command_settings.OIDC_SCOPES, scopes)
    asked: tuple[str, ...] = found.read(command_settings.OIDC_ORIGINS, origins)
    return SignIn(url, client, asked_for, asked)
