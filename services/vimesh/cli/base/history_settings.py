"""Defines the settings of the history of VIMs."""

from __future__ import annotations

from typing import Annotated

import typer

from vimesh.cli.base.sizes import bytes_of
from vimesh.domain.history.history_limits import HistoryLimits
from vimesh.domain.settings import Setting, truth

MONITOR_HISTORY = Setting("monitor.history", truth, default=False)
UP_HISTORY = Setting("up.history", truth, default=True)
HISTORY_SIZE = Setting("conductor.history_size", bytes_of, HistoryLimits().size_bytes)

HistorySize = Annotated[
    str | None,
    typer.Option(
        "--history-size",
        metavar="SIZE",
        help="Maximum size of the history of round trips and losses of all VIMs, of which the oldest is dropped first "
        "[VIMESH_CONDUCTOR_HISTORY_SIZE; default: 1GiB].",
    ),
]
MonitorHistory = Annotated[
    bool | None,
    typer.Option(
        "--history/--no-history",
        help="Deliver what rounds come to, for the history of VIMs [VIMESH_MONITOR_HISTORY; default: no].",
        show_default=False,
    ),
]
UpHistory = Annotated[
    bool | None,
    typer.Option(
        "--history/--no-history",
        help="Keep a history of the round trips and losses of each VIM [VIMESH_UP_HISTORY; default: --history].",
        show_default=False,
    ),
]
