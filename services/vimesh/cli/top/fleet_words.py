"""What the lines above the list say: true words about the connection, and counts."""

from __future__ import annotations

import time
from typing import Final

from rich.text import Text

from vimesh.cli.base.durations import brief
from vimesh.cli.base.terminal import printable
from vimesh.cli.output.text_tables import STATUS_STYLES
from vimesh.cli.output.vim_columns import status as status_word
from vimesh.cli.top.fleet_model import FleetModel
from vimesh.v1.vim_pb2 import Vim

_ORDER: Final = (Vim.UNREACHABLE, Vim.UNKNOWN, Vim.PENDING, Vim.REACHABLE)


def connection_line(model: FleetModel, address: str, now_s: float) -> Text:
    """Say whether what is shown is live, and how old it is otherwise. `now_s`: by this machine's clock."""
    text = Text(f"vimesh top  {printable(address)}  ", style="bold", no_wrap=True, overflow="ellipsis")
    if model.trouble:
        words = f"NOT CONNECTED for {brief(now_s - model.lost_s)}, retrying"
        if model.is_complete:
            words += f"; shown is the fleet of {time.strftime('%H:%M:%S', time.localtime(model.lost_s))}"
        return text.append(words, style="bold red")
    if not model.is_complete:
        return text.append(f"reading the fleet: {model.arriving:,} VIMs", style="yellow")
    return text.append("live", style="green")


def trouble_line(model: FleetModel) -> Text:
    """Say why there is no connection, and how many statuses have outlived their validity."""
    stale, all_ = model.stale_count(), len(model.rows)
    words = f"{stale:,} of {all_:,} statuses are no longer valid  " if model.is_complete else ""
    return Text(f"{words}{printable(model.trouble)}", style="red", no_wrap=True, overflow="ellipsis")


def count_line(model: FleetModel, filter_: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    if not model.is_complete and not model.rows:
        return text
    text.append(f"{len(model.rows):,} VIMs", style="bold")
    for status in _ORDER:
        if count := model.counts[status]:
            word = status_word(status)
            text.append("  ").append(f"{count:,} {word}", style="dim" if model.trouble else STATUS_STYLES[word])
    order = f"{model.order.sort}{' reversed' if model.order.is_reversed else ''}"
    text.append(f"  by {order}")
    if filter_:
        text.append(f"  that match {printable(filter_)}")
    return text
