"""A VIM's page: everything that is known of it, its newest changes and its round trips, read again while it is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import grpc
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from vimesh.cli.base.durations import brief
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.explain_failures import failure_line
from vimesh.cli.lists.print_vims import field_rows
from vimesh.cli.output.documents import document
from vimesh.cli.output.event_lines import event_line
from vimesh.cli.output.history_plot import bars
from vimesh.cli.output.vim_columns import in_maintenance, maintenance, moment, seconds_of, since
from vimesh.cli.output.vim_columns import status as status_word
from vimesh.cli.top.fleet_model import FleetModel
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import history_service_pb2 as history_pb
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.wire.wire_durations import seconds

_REFRESH_S: Final = 2.0
_EVENTS: Final = 10
_SAMPLES: Final = 10
_BAR: Final = 30


class VimScreen(Screen[None]):
    BINDINGS = [Binding("escape,q,backspace", "dismiss", show=False)]  # noqa: RUF012 - the library's own way

    def __init__(self, front: Front, model: FleetModel, vim_id: str) -> None:
        super().__init__()
        self._front = front
        self._model = model
        self.vim_id = vim_id
        self._trouble = ""
        self._read_s = 0.0
        """When the VIM was read, by the clock of this machine."""
        self._vim: Vim | None = None
        self._events: Sequence[VimEvent] = ()
        self._samples: Sequence[history_pb.Sample] = ()

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(Text("reading"), id="page")

    def on_mount(self) -> None:
        self.run_worker(self._keep_reading(), exit_on_error=True)

    async def _keep_reading(self) -> None:
        while True:
            await self._read()
            self.query_one("#page", Static).update(self._content())
            await asyncio.sleep(_REFRESH_S)

    async def _read(self) -> None:
        front, timeout_s = self._front, self._front.timeout_s
        try:
            vim = (await front.vims.GetVim(pb.GetVimRequest(vim_id=self.vim_id), timeout=timeout_s)).vim
            events = await front.vims.ListVimEvents(
                pb.ListVimEventsRequest(vim_id=self.vim_id, page_size=_EVENTS), timeout=timeout_s
            )
        except grpc.aio.AioRpcError as error:
            gone = error.code() is grpc.StatusCode.NOT_FOUND
            self._trouble = "the VIM was deregistered" if gone else failure_line(error, front.address)
            return
        self._vim, self._events, self._trouble, self._read_s = vim, events.events, "", time.time()
        try:
            history = await front.history.ListSamples(
                history_pb.ListSamplesRequest(vim_id=self.vim_id), timeout=timeout_s
            )
        except grpc.aio.AioRpcError:
            return  # not every fleet keeps one, and what is wrong otherwise is told by the next reading
        self._samples = history.samples[-_SAMPLES:]

    def _content(self) -> Text:
        text = Text()
        vim = self._vim
        if self._trouble:
            age = f"  What follows was read {brief(time.time() - self._read_s)} ago." if vim is not None else ""
            text.append(f"{printable(self._trouble)}{age}\n\n", style="bold red")
        if vim is None:
            return text
        text.append(f"{printable(vim.name)}  ", style="bold")
        text.append(status_word(vim.status), style="bold").append(f" for {since(vim.status_time)}")
        text.append(f"  {printable(vim.reason)}" if vim.reason else "")
        text.append(f"  {self._validity(vim)}\n")
        if in_maintenance(vim):
            text.append(f"in maintenance, {printable(maintenance(vim.maintenance))}\n", style="yellow")
        self._add(text, "NEWEST CHANGES", [event_line(event, vim.name) for event in self._events])
        self._add(text, "ROUND TRIPS", self._sample_lines())
        rows = field_rows(document(vim))
        width = max((len(name) for name, _value in rows), default=0)
        self._add(text, "FIELDS", [printable(f"{name:<{width}}  {value}") for name, value in rows])
        return text

    def _validity(self, vim: Vim) -> str:
        if not vim.HasField("valid_until"):
            return "no report yet"
        left_s = seconds_of(vim.valid_until) - self._model.now_s()
        return f"valid for {brief(left_s)} more" if left_s > 0 else f"no longer valid, since {brief(-left_s)}"

    def _sample_lines(self) -> list[str]:
        means = [seconds(sample.mean_round_trip) for sample in self._samples]
        drawn = bars(means, _BAR, blocks=False)
        return [
            f"{moment(sample.start_time)}  {sample.answered} of {sample.rounds} answered, {sample.lost} lost  "
            f"{mean * 1000:.1f}ms  {bar}"
            for sample, mean, bar in zip(self._samples, means, drawn, strict=True)
        ]

    @staticmethod
    def _add(text: Text, title: str, lines: Sequence[str]) -> None:
        text.append(f"\n{title}\n", style="bold")
        text.append("".join(f"{line}\n" for line in lines) or "none\n")
