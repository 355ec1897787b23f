"""Defines the flags that all `vimesh vim` commands share."""

from __future__ import annotations

from typing import Annotated

import typer

CallTimeout = Annotated[
    str | None,
    typer.Option(
        "--call-timeout", metavar="DURATION", help="Time limit of each call [VIMESH_CALL_TIMEOUT; default: 10s]."
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        "--call-timeout",
        metavar="DURATION",
        help="Time limit of each call [VIMESH_CALL_TIMEOUT; default: 10s].",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="table|json|yaml|jsonpath=EXPR",
        help="Output format [VIMESH_OUTPUT; default: table].",
    ),
]
RowsOutput = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="table|wide|name|csv|json|yaml|jsonpath=EXPR",
        help="Output format [VIMESH_OUTPUT; default: table].",
    ),
]
FeedOutput = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="table|json", help="Lines for people or of JSON [VIMESH_OUTPUT; default: table]."
    ),
]
Project = Annotated[str | None, typer.Option("--project", metavar="ID", help="Project in which to look up a name.")]
Given = Annotated[str, typer.Argument(metavar="VIM", help="ID or name of the VIM.")]
