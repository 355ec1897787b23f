"""Defines the flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file [VIMESH_CONFIG].")]
Level = Annotated[
    str | None, typer.Option("--log-level", metavar="debug|info|warning|error", help="What to log [VIMESH_LOG_LEVEL].")
]
Format = Annotated[
    str | None,
    typer.Option("--log-format", metavar="auto|console|logfmt|json", help="How to log [VIMESH_LOG_FORMAT]."),
]
Address = Annotated[
    str | None,
    typer.Option("--address", metavar="HOST:PORT", help="The front [VIMESH_ADDRESS; default 127.0.0.1:7600]."),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", metavar="URL", help="Such as sqlite:///vimesh.sqlite [VIMESH_DATABASE_URL]."),
]
KeepEvents = Annotated[
    str | None,
    typer.Option(
        "--keep-events",
        metavar="N",
        help="How many of the newest changes to keep [VIMESH_CONDUCTOR_KEEP_EVENTS; default 1000000].",
    ),
]
KeepFor = Annotated[
    str | None,
    typer.Option(
        "--keep-for", metavar="DURATION", help="How old a change may be [VIMESH_CONDUCTOR_KEEP_FOR; default 30d]."
    ),
]
KeepBytes = Annotated[
    str | None,
    typer.Option(
        "--keep-bytes",
        metavar="SIZE",
        help="How many bytes changes may take, such as 512MiB [VIMESH_CONDUCTOR_KEEP_BYTES; default 1GiB].",
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="embedded|mistral",
        help="Runs the ping actions of new VIMs; mistral serves both [VIMESH_ENGINE; default embedded].",
    ),
]
MistralUrl = Annotated[
    str | None,
    typer.Option("--mistral-url", metavar="URL", help="Such as http://127.0.0.1:8989/v2 [VIMESH_MISTRAL_URL]."),
]
KeyFile = Annotated[
    str | None,
    typer.Option("--key-file", metavar="FILE", help="Keys that encrypt credentials [VIMESH_KEY_FILE]."),
]
