"""vimesh envoy: renders and checks the configuration of the front."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Render and validate the configuration of Envoy.")


@app.command()
def render(
    fleet: Annotated[Path, typer.Argument(metavar="FLEET", help="YAML file with the addresses of the fleet.")],
    *,
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Directory for the rendered files.")],
) -> None:
    """Write Envoy's bootstrap and one endpoint file per cluster. A running Envoy picks up changed endpoints at once."""
    from vimesh.envoy import write_files  # noqa: PLC0415 - clients need no Envoy
    from vimesh.envoy.fleet.fleet_file import read  # noqa: PLC0415 - as above

    typer.echo(write_files.render(read(fleet), output))


@app.command()
def validate(
    bootstrap: Annotated[Path, typer.Argument(metavar="BOOTSTRAP", help="Rendered bootstrap file.")],
) -> None:
    """Check with Envoy itself whether it would start with a bootstrap."""
    from vimesh.envoy import envoy_binary  # noqa: PLC0415 - clients need no Envoy
    from vimesh.envoy.validate_bootstrap import validate as judge  # noqa: PLC0415 - as above

    binary = envoy_binary.find(os.environ)
    envoy_binary.check_hash(binary, os.environ)
    judge(bootstrap, binary)
    typer.echo(f"{bootstrap} is valid")
