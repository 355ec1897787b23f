"""The list of VIMs: it draws the rows that are on the screen and no others, however many there are."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from vimesh.cli.output.text_tables import STATUS_STYLES
from vimesh.cli.output.vim_columns import status as status_word
from vimesh.cli.top.fleet_model import FleetModel
from vimesh.cli.top.row_columns import SizedColumn, cells, fitting, title_line
from vimesh.cli.top.vim_row import VimRow
from vimesh.v1.vim_pb2 import Vim

_TITLES: Final = 1
"""Lines above the rows."""
_PLAIN: Final = Style()
_BOLD: Final = Style(bold=True)
_DIM: Final = Style(dim=True)
_STATUS: Final = {word: Style.parse(style) for word, style in STATUS_STYLES.items()}


class VimList(Widget, can_focus=True):
    """The cursor stays on its VIM while others come, go and move."""

    BINDINGS = [  # noqa: RUF012 - the library's own way
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "edge(False)", show=False),
        Binding("end,G", "edge(True)", show=False),
        Binding("enter", "open", show=False),
    ]

    class Opened(Message):
        """A VIM was chosen, whose page is to be shown."""

        def __init__(self, vim_id: str) -> None:
            super().__init__()
            self.vim_id = vim_id

    def __init__(self, model: FleetModel) -> None:
        super().__init__()
        self._model = model
        self._first = 0
        """The place of the row at the top."""
        self._place = 0
        """Of the cursor."""
        self.cursor_id = ""
        self._rows: list[VimRow] = []
        self._columns: list[SizedColumn] = []

    @property
    def place(self) -> int:
        """Of the cursor, from 0."""
        return self._place

    def ids_on_screen(self) -> list[str]:
        return [row.vim_id for row in self._rows]

    def bring_up_to_date(self) -> None:
        """Take the rows from the model and draw them."""
        self._model.settle()
        if self.cursor_id:
            # A VIM that is gone leaves the cursor at its place.
            place = self._model.order.place(self.cursor_id)
            if place is not None and self._place != place:
                self._first += place - self._place
                self._place = place
        self._show()

    def on_resize(self) -> None:
        self._columns = fitting(self.size.width)
        self._show()

    def action_move(self, rows: int) -> None:
        self._go(self._place + rows)

    def action_page(self, pages: int) -> None:
        self._go(self._place + pages * max(1, self._height - 1))

    def action_edge(self, last: bool) -> None:
        self._go(len(self._model.order) - 1 if last else 0)

    def action_open(self) -> None:
        if self.cursor_id:
            self.post_message(self.Opened(self.cursor_id))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < _TITLES:
            return Strip([Segment(title_line(self._columns), _BOLD)]).adjust_cell_length(width)
        index = y - _TITLES
        if index >= len(self._rows):
            return Strip.blank(width)
        return self._strip(self._rows[index], at_cursor=self._first + index == self._place).adjust_cell_length(width)

    @property
    def _height(self) -> int:
        return max(1, self.size.height - _TITLES)

    def _go(self, place: int) -> None:
        self._place = place
        self.cursor_id = ""
        self._show()

    def _show(self) -> None:
        count = len(self._model.order)
        self._place = max(0, min(self._place, count - 1))
        lowest = self._place - self._height + 1
        self._first = max(0, min(max(self._first, lowest), self._place, max(0, count - self._height)))
        self._rows = list(self._model.visible(self._first, self._height))
        at_cursor = self._place - self._first
        self.cursor_id = self._rows[at_cursor].vim_id if at_cursor < len(self._rows) else ""
        self.refresh(Region(0, 0, self.size.width, self.size.height))

    def _strip(self, row: VimRow, *, at_cursor: bool) -> Strip:
        stale = self._model.is_stale(row)
        base = _DIM if stale else _PLAIN
        cursor = Style(reverse=True) if at_cursor else _PLAIN
        segments = []
        texts = cells(self._columns, row, self._model.now_s(), stale=stale)
        for sized, text in zip(self._columns, texts, strict=True):
            style = base
            if sized.column.title == "STATUS" and not stale:
                style = _STATUS.get(status_word(Vim.Status.ValueType(row.status)), _PLAIN)
            segments.append(Segment(text, style + cursor))
        return Strip(segments)
