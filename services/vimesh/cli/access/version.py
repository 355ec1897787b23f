"""vimesh version: shows the versions of this command and of the fleet."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import Failure
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import text_tables

if TYPE_CHECKING:
    from vimesh.client.calls.front_stubs import Front

_CONTRACT: Final = "vimesh.v1"


def version(  # noqa: PLR0913 - one parameter per flag
    *,
    client: Annotated[bool, typer.Option("--client", help="Show the version of this command only.")] = False,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show the versions of this command, of the conductor that answers, and of the contract between them.

    If no conductor answers, the version of this command is printed all the same.
    """
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    server: dict[str, str] | None = None
    try:
        if not client:
            from vimesh.cli.client.front import run  # noqa: PLC0415 - what is printed of this command needs no gRPC

            server = {"address": settings.address, "version": run(settings, _ask) or "unknown", "contract": _CONTRACT}
    except Failure:
        _write(settings.output, None)
        raise
    _write(settings.output, server)


async def _ask(front: Front) -> str:
    from vimesh.v1 import access_service_pb2 as pb  # noqa: PLC0415 - imports protobuf, which --client does not need

    return (await front.access.WhoAmI(pb.WhoAmIRequest(), timeout=front.timeout_s)).version


def _write(output: Output, server: dict[str, str] | None) -> None:
    content: dict[str, Any] = {
        "client": {
            "version": installed_version("vimesh"),
            "contract": _CONTRACT,
            "python": platform.python_version(),
        },
        "server": server,
    }
    if output is not Output.TABLE:
        from vimesh.cli.output import documents  # noqa: PLC0415 - imports protobuf, which a table of --client does not need

        documents.write(output, content)
        return
    rows = [(part, about["version"], about["contract"]) for part, about in content.items() if about]
    text_tables.write(("PART", "VERSION", "CONTRACT"), rows)
