"""Flags that several commands have."""

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
