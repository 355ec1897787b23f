"""Writes only characters that the terminal can show: names are of any script, and Textual draws lines."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter


class CharsetFilter(LineFilter):
    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - the library's signature
        return [Segment(self._shown(text), style, control) for text, style, control in segments]

    def _shown(self, text: str) -> str:
        if text.isascii():
            return text
        shown = text.encode(self._encoding, "replace").decode(self._encoding)
        # What stands for a wide character is narrow.
        return set_cell_size(shown, cell_len(text))
