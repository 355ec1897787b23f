"""Prints a watch without a terminal: one line for each VIM, then one for each change."""

from __future__ import annotations

import sys

import grpc

from vimesh.cli.base.terminal import printable
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import event_lines
from vimesh.cli.output.documents import write_line
from vimesh.cli.watches.contact import Contact
from vimesh.client.watches.resumable_watch import Changes, ConnectionNews
from vimesh.client.watches.watched_vims import VimChange, WatchedVims
from vimesh.v1.vim_pb2 import Vim


class WatchLines:
    def __init__(self, address: str, output: Output, wanted: frozenset[str]) -> None:
        self._address = address
        self._as_json = output is Output.JSON
        self._wanted = wanted
        """Ids of the VIMs to show; empty: all."""

    async def show(self, changes: Changes) -> None:
        """Print until cancelled."""
        board = WatchedVims()
        known: dict[str, int] = {}
        async for shown in changes(connection_notes(self._address)):
            if shown.afresh:
                known = {vim.id: vim.revision for vim in board.vims.values()}
            was_complete = board.complete
            news = board.take(shown)
            if board.complete and not was_complete:
                # After a gap, print only the VIMs that differ from what was printed before.
                self._begin([vim for vim in board.vims.values() if known.get(vim.id) != vim.revision])
            for change in news:
                self._changed(change)

    def _begin(self, vims: list[Vim]) -> None:
        for vim in sorted(vims, key=lambda vim: (vim.name, vim.id)):
            if not self._wanted or vim.id in self._wanted:
                self._print(event_lines.vim_document(vim) if self._as_json else event_lines.vim_line(vim))

    def _changed(self, change: VimChange) -> None:
        event = change.event
        if self._wanted and event.vim_id not in self._wanted:
            return
        name = change.vim.name if change.vim is not None else ""
        self._print(event_lines.event_document(event) if self._as_json else event_lines.event_line(event, name))

    @staticmethod
    def _print(line: object) -> None:
        if isinstance(line, str):
            print(line, flush=True)  # noqa: T201 - the output of the command
        else:
            write_line(line)


def connection_notes(address: str, contact: Contact | None = None) -> ConnectionNews:
    """Return callbacks that report the state of the connection on standard error."""
    contact = Contact() if contact is None else contact

    def tell_loss(error: grpc.aio.AioRpcError) -> None:
        contact.lose(str(failure(error, address)))
        _note(contact.loss())

    return ConnectionNews(
        lost=tell_loss,
        back=lambda: _note(contact.recovery()),
        heard=contact.hear,
        missed=lambda: _note("some changes are no longer available; showing the current state"),
    )


def _note(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201 - for people, apart from the data
