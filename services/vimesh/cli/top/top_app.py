"""The application: the list, its keys, and the lines around it. Drawn at most four times a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import grpc
from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.filter import LineFilter
from textual.widgets import Static

from vimesh.cli.base.exits import Failure
from vimesh.cli.base.terminal import printable, speaks_unicode
from vimesh.cli.client.explain_failures import failure, failure_line
from vimesh.cli.output.event_lines import event_line
from vimesh.cli.selection.label_flags import selected
from vimesh.cli.top.fleet_feed import FleetFeed, check_filter
from vimesh.cli.top.fleet_model import FleetModel
from vimesh.cli.top.fleet_words import connection_line, count_line, trouble_line
from vimesh.cli.top.questions import ChangeQuestion, KeyHelp, LinePrompt
from vimesh.cli.top.row_list import VimList
from vimesh.cli.top.row_order import SORTS
from vimesh.cli.top.terminal_charset import CharsetFilter
from vimesh.cli.top.vim_deeds import DEEDS, VimDeed, carry_out, current_vim, plan
from vimesh.cli.top.vim_screen import VimScreen
from vimesh.client.calls.front_stubs import Front
from vimesh.domain.settings import BadFlag
from vimesh.wire.error_statuses import BAD_INPUT, failure_of

_DRAW_S: Final = 0.25
_CHANGES: Final = 6
"""Most lines of changes."""
_LEAST_HEIGHT: Final = 14
"""Lines of a screen that has room for changes."""
_NOTICE_S: Final = 8.0
_NAVIGATION: Final = (
    ("Up Down k j", "move; PgUp PgDn Home End, too"),
    ("Enter", "show everything about the VIM"),
    ("/", "filter, as in vimesh vim list --filter"),
    ("l", "select by labels, as in vimesh vim list --selector"),
    ("s", f"sort by the next of {', '.join(SORTS)}"),
    ("r", "reverse the order"),
)
_REST: Final = (("?", "these keys"), ("Esc", "back; on the list: show all VIMs"), ("q, Ctrl-C", "leave"))


class TopApp(App[Failure | None]):
    """Returns why it ended, if that was not because of a key."""

    CSS = """
    Screen { layout: vertical; }
    .line { height: 1; }
    #trouble { display: none; }
    VimList { height: 1fr; }
    #changes { height: auto; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [  # noqa: RUF012 - the library's own way
        Binding("question_mark", "keys", show=False),
        Binding("slash", "filter", show=False),
        Binding("l", "selector", show=False),
        Binding("s", "sort", show=False),
        Binding("r", "reverse", show=False),
        Binding("escape", "show_all", show=False),
        Binding("q", "leave", show=False),
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
        *(Binding(deed.key, f"change('{deed.key}')", show=False) for deed in DEEDS),
    ]

    def __init__(  # noqa: PLR0913 - what the command line says
        self,
        front: Front,
        permitted: Collection[str],
        *,
        filter_: str = "",
        selector: str = "",
        sort: str = "status",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`permitted`: the RPCs that the roles of the caller allow. Raises BadFlag if the selector cannot be read."""
        self._charset = [] if speaks_unicode(sys.__stderr__ or sys.stderr) else [CharsetFilter(sys.stderr.encoding)]
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._front = front
        self._permitted = permitted
        self._filter, self._selector = filter_, selector
        self._matching = selected(selector, filter_)
        self._clock = clock
        self.model = FleetModel(sort=sort, clock=clock)
        self._feed = FleetFeed(front, self.model)
        self._drawn = (-1, 0)
        self._notice, self._notice_until_s = "", 0.0

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._charset]

    def compose(self) -> ComposeResult:
        yield Static(id="connection", classes="line")
        yield Static(id="trouble", classes="line")
        yield Static(id="counts", classes="line")
        yield VimList(self.model)
        yield Static(id="changes")
        yield Static(id="keys", classes="line")

    def on_mount(self) -> None:
        self._start_feed()
        self.set_interval(_DRAW_S, self._draw)
        self._draw()

    @property
    def vim_list(self) -> VimList:
        return self.screen_stack[0].query_one(VimList)

    def action_leave(self) -> None:
        self.exit()

    def action_keys(self) -> None:
        deeds = [(deed.key, f"{deed.title} of the VIM" if deed.prompt else f"{deed.title} the VIM") for deed in DEEDS]
        self.push_screen(KeyHelp([*_NAVIGATION, *self._with_roles(deeds), *_REST]))

    def action_sort(self) -> None:
        names = list(SORTS)
        self.model.sort_by(names[(names.index(self.model.order.sort) + 1) % len(names)])
        self._draw()

    def action_reverse(self) -> None:
        self.model.reverse()
        self._draw()

    def action_show_all(self) -> None:
        if len(self.screen_stack) == 1 and self._matching:
            self._select("", "")

    @work
    async def action_filter(self) -> None:
        await self._ask_for_vims("Filter", self._filter, lambda typed: (typed, self._selector))

    @work
    async def action_selector(self) -> None:
        await self._ask_for_vims("Labels", self._selector, lambda typed: (self._filter, typed))

    @work
    async def action_change(self, key: str) -> None:
        deed = next(deed for deed in DEEDS if deed.key == key)
        vim_id = self._subject()
        if not vim_id:
            return
        if deed.rpc not in self._permitted:
            self._note(f"your roles do not allow to {deed.title}: vimesh whoami shows what you may do")
            return
        try:
            await self._ask_and_change(deed, vim_id)
        except grpc.aio.AioRpcError as error:
            self._note(failure_line(error, self._front.address))

    def on_vim_list_opened(self, event: VimList.Opened) -> None:
        self.push_screen(VimScreen(self._front, self.model, event.vim_id))

    async def _ask_for_vims(self, title: str, typed: str, choice: Callable[[str], tuple[str, str]]) -> None:
        """Ask which VIMs to show until the answer can be read. `choice`: the filter and the selector of an answer."""
        problem = ""
        while True:
            answer = await self.push_screen_wait(LinePrompt(title, typed, problem))
            if answer is None:
                return
            typed = answer.strip()
            filter_, selector = choice(typed)
            try:
                await check_filter(self._front, selected(selector, filter_))
            except BadFlag as error:
                problem = str(error)
            except grpc.aio.AioRpcError as error:
                problem = failure_line(error, self._front.address)
            else:
                self._select(filter_, selector)
                return

    async def _ask_and_change(self, deed: VimDeed, vim_id: str) -> None:
        vim = await current_vim(self._front, vim_id)
        typed, problem = "", ""
        while True:
            if deed.prompt:
                answer = await self.push_screen_wait(LinePrompt(f"{vim.name}: {deed.prompt}", typed, problem))
                if not answer:
                    return
                typed = answer
            try:
                planned = plan(deed, vim, typed)
                break
            except (ValueError, BadFlag) as error:
                problem = str(error)
        if await self.push_screen_wait(ChangeQuestion(planned.question)):
            await carry_out(self._front, planned)
            self._note(f"{vim.name}: done ({deed.title})")

    def _subject(self) -> str:
        """Return the id of the VIM that keys are about."""
        return self.screen.vim_id if isinstance(self.screen, VimScreen) else self.vim_list.cursor_id

    def _with_roles(self, deeds: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        allowed = {deed.key for deed in DEEDS if deed.rpc in self._permitted}
        return [(key, what if key in allowed else f"{what} (not with your roles)") for key, what in deeds]

    def _select(self, filter_: str, selector: str) -> None:
        """Watch other VIMs. Raises BadFlag."""
        if self.model.trouble:
            # A watch that begins now would fail, and what is shown would be lost.
            self._note("not connected: the same VIMs are shown until there is a connection")
            return
        self._matching = selected(selector, filter_)
        self._filter, self._selector = filter_, selector
        self._start_feed()
        self._draw()

    def _start_feed(self) -> None:
        self.run_worker(self._follow(self._matching), group="feed", exclusive=True)

    async def _follow(self, filter_: str) -> None:
        try:
            await self._feed.follow(filter_, self.vim_list.ids_on_screen)
        except* grpc.aio.AioRpcError as group:
            error: Any = group.exceptions[0]
            if filter_ and failure_of(error).reason == BAD_INPUT:
                self._note(f"the filter is refused: {failure_line(error, self._front.address)}")
                self.model.restart()
            else:
                self.exit(failure(error, self._front.address))

    def _note(self, words: str) -> None:
        self._notice, self._notice_until_s = words, self._clock() + _NOTICE_S
        self._draw()

    def _draw(self) -> None:
        """Draw what has changed; once a second also the ages, which grow by themselves."""
        now_s = self._clock()
        due = (self.model.version, int(now_s))
        if due == self._drawn and not self._notice:
            return
        self._drawn = due
        main = self.screen_stack[0]
        main.query_one("#connection", Static).update(connection_line(self.model, self._front.address, now_s))
        trouble = main.query_one("#trouble", Static)
        trouble.display = bool(self.model.trouble)
        trouble.update(trouble_line(self.model))
        self.vim_list.bring_up_to_date()
        main.query_one("#counts", Static).update(count_line(self.model, self._matching))
        main.query_one("#changes", Static).update(self._changes())
        if now_s > self._notice_until_s:
            self._notice = ""
        keys = Text(no_wrap=True, overflow="ellipsis")
        if self._notice:
            keys.append(printable(self._notice), style="bold yellow")
        else:
            count = len(self.model.order)
            place = f"{self.vim_list.place + 1:,} of {count:,}  " if count else ""
            keys.append(f"{place}? keys  / filter  s sort  Enter VIM  q leave", style="dim")
        main.query_one("#keys", Static).update(keys)

    def _changes(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        height = self.size.height
        if height < _LEAST_HEIGHT or not self.model.changes:
            return text
        newest = [
            self.model.changes[-place] for place in range(1, min(_CHANGES, height // 4, len(self.model.changes)) + 1)
        ]
        text.append("Newest changes\n", style="bold")
        return text.append("\n".join(event_line(named.event, named.name) for named in newest))


async def show_app(app: TopApp) -> None:
    """Show it until it is left. Raises Failure if it ended by itself."""
    ended = await app.run_async(mouse=False)
    if isinstance(ended, Failure):
        raise ended
    if app.return_code:
        # A fault of ours, which the library has shown.
        raise Failure("vimesh top ended by a fault of its own")
