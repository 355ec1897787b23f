"""Shows VIMs on a terminal as a table that stays up to date."""

from __future__ import annotations

import asyncio
import heapq
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vimesh.cli.base.terminal import coloured, printable
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.output import text_tables, vim_columns
from vimesh.cli.output.table_columns import TableColumn
from vimesh.cli.watches.contact import Contact
from vimesh.cli.watches.scroll_keys import ScrollPosition, keys_read
from vimesh.client.watches.resumable_watch import Changes, ConnectionNews, WatchUpdate
from vimesh.client.watches.watched_vims import WatchedVims
from vimesh.v1.vim_pb2 import Vim

_REFRESH_S = 0.25
_WORST_FIRST = {Vim.UNREACHABLE: 0, Vim.UNKNOWN: 1, Vim.PENDING: 2, Vim.REACHABLE: 3}
# Lines for the summary, the column titles, and the notes above and below the table.
_OTHER_LINES = 5


class LiveTable:
    def __init__(self, console: Console, address: str, wanted: frozenset[str], contact: Contact | None = None) -> None:
        self._console = console
        self._address = address
        self._wanted = wanted
        """Ids of the VIMs to show; empty: all."""
        self._board = WatchedVims()
        self._contact = Contact() if contact is None else contact
        self.scroll = ScrollPosition()

    def take(self, shown: WatchUpdate) -> None:
        self._board.take(shown)

    def link(self) -> ConnectionNews:
        return ConnectionNews(lost=self._lose, still_lost=self._lose, heard=self._contact.hear)

    def _lose(self, error: grpc.aio.AioRpcError) -> None:
        self._contact.lose(str(failure(error, self._address)))

    def __rich__(self) -> Group:
        known = self._board.vims
        vims = [known[vim_id] for vim_id in self._wanted if vim_id in known] if self._wanted else list(known.values())
        room = max(1, self._console.height - _OTHER_LINES)
        first = self.scroll.first(len(vims), room)
        shown = _chosen(vims, first, room)
        columns = vim_columns.VIMS.shown(shown)
        stale = self._contact.is_lost
        rows = [[printable(self._cell(column, vim)) for column in columns] for vim in shown]
        parts: list[Text | Table] = [
            self._summary(vims),
            text_tables.table([column.title for column in columns], rows, self._console.width, stale=stale),
        ]
        if len(vims) > room:
            rows_shown = f"{first + 1} to {first + len(shown)} of {len(vims)}, the worst first"
            parts.append(Text(f"{rows_shown}; arrows, PgUp, PgDn, Home and End scroll", style="dim"))
        return Group(*parts)

    def _cell(self, column: TableColumn[Vim], vim: Vim) -> str:
        """Return the text of a cell. Without contact, a status is not said to last."""
        if self._contact.is_lost and column.title == vim_columns.SINCE and self._contact.heard_at is not None:
            return vim_columns.since(vim.status_time, self._contact.heard_at.timestamp())
        return column.cell(vim)

    def _summary(self, vims: list[Vim]) -> Text:
        stale = self._contact.is_lost
        counts = Counter(vim.status for vim in vims)
        text = Text(f"{len(vims)} VIMs", style="bold")
        if stale:
            text = Text(f"{len(vims)} VIMs, when last heard of:", style="dim")
        for status in _WORST_FIRST:
            if counts[status]:
                word = vim_columns.status(status)
                style = "dim" if stale else text_tables.STATUS_STYLES[word]
                text.append("  ").append(f"{counts[status]} {word}", style=style)
        if stale:
            # What is below may hold no more, and must not look as if it did.
            text.append(f"\n{printable(self._contact.loss())}", style="not dim bold red")
        elif not self._board.complete:
            text.append(f"  connecting to {self._address}", style="dim")
        return text


def _chosen(vims: list[Vim], first: int, room: int) -> list[Vim]:
    if len(vims) <= room:
        return sorted(vims, key=lambda vim: (vim.name, vim.id))
    # Sort no more than is shown, and what is above it: there may be a hundred thousand VIMs.
    worst = heapq.nsmallest(first + room, vims, key=lambda vim: (_WORST_FIRST.get(vim.status, 9), vim.name, vim.id))
    return worst[first:]


@contextmanager
def _on_screen(table: LiveTable, console: Console) -> Iterator[Live]:
    with Live(table, console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield live


async def show(changes: Changes, address: str, wanted: frozenset[str]) -> None:
    """Keep the table up to date until cancelled."""
    console = Console(no_color=not coloured(sys.stdout), highlight=False)
    table = LiveTable(console, address, wanted)
    with _on_screen(table, console) as live, keys_read(table.scroll.press):
        async with asyncio.TaskGroup() as tasks:
            # Redraw at a fixed rate instead of at each change: a thousand changes at once are drawn once, and the ages
            # in the table grow even if nothing changes.
            ticking = tasks.create_task(_tick(live))
            async for shown in changes(table.link()):
                table.take(shown)
            ticking.cancel()


async def _tick(live: Live) -> None:
    while True:
        live.refresh()
        await asyncio.sleep(_REFRESH_S)
