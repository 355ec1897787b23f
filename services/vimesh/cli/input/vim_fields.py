"""Fills the fields of a VIM from flags and files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from vimesh.cli.base.terminal import clipped, printable
from vimesh.domain import vims
from vimesh.domain.credential_masks import mask_text
from vimesh.domain.settings import BadFlag, one_of
from vimesh.v1.vim_pb2 import Monitor, Vim

Type = Annotated[str | None, typer.Option("--type", metavar="openstack|kubernetes", help="Type of the cloud.")]
AuthUrl = Annotated[str | None, typer.Option("--auth-url", metavar="URL", help="URL to probe; http or https.")]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="embedded|mistral|external",
        help="Engine that runs the ping action; external: another system reports the status.",
    ),
]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Description of the VIM.")]
Default = Annotated[
    bool | None,
    typer.Option("--default/--no-default", "--is-default", help="Whether the VIM is the default of its project."),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config-file",
        metavar="FILE",
        help="VIM file of Tacker, clouds.yaml, kubeconfig or openrc file that has the VIM; flags override it.",
    ),
]


def warn(text: str) -> None:
    """Print a warning to standard error."""
    print(f"warning: {printable(clipped(text))}", file=sys.stderr)  # noqa: T201 - for people, apart from the data


def engine(given: str | None) -> Monitor.Engine.ValueType:
    """Read --engine; if it is not given, the server decides. Raises BadFlag."""
    if given is None:
        return Monitor.ENGINE_UNSPECIFIED
    try:
        return Monitor.Engine.Value(one_of(vims.Engine)(given))
    except ValueError as error:
        raise BadFlag("--engine", str(error)) from None


def fill_from_flags(  # noqa: PLR0913 - one parameter per flag
    vim: Vim,
    *,
    name: str | None = None,
    description: str | None = None,
    type_: str | None = None,
    auth_url: str | None = None,
    is_default: bool | None = None,
) -> list[str]:
    """Set the fields that flags give. Returns their names."""
    given = {
        "name": name,
        "description": description,
        "type": type_,
        "auth_url": auth_url,
        "is_default": is_default,
    }
    if auth_url and "@" in urlsplit(auth_url).netloc:
        warn("the user name and password in the URL are not stored: put them into a --config-file")
    if auth_url and mask_text(query := urlsplit(auth_url).query) != query:
        warn("the secret parameters of the URL are not stored, and probes do not send them")
    filled = [field for field, value in given.items() if value is not None]
    for field in filled:
        setattr(vim, field, given[field])
    return filled
