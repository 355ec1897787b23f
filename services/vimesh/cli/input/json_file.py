"""Reads VIMs from one JSON text: a list of them, an object whose `vims` is that list, or one object."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vimesh.cli.input.file_entries import FileEntry, Flaw, entry_of
from vimesh.cli.input.json_window import Window
from vimesh.files.entry_stream import EntryStream
from vimesh.files.file_errors import BadFile

_BEGIN = re.compile(r'\s*(?:\[|(?P<named>\{\s*"vims"\s*:\s*\[))(?P<empty>\s*\])?\s*').match
_OBJECT = re.compile(r"\s*(?=\{)").match
_NEXT = re.compile(r"\s*(?P<mark>[,\]])\s*").match
_CLOSE = re.compile(r"\s*\}\s*").match


def entries(stream: EntryStream) -> Iterator[FileEntry | Flaw]:
    """Yield the entries, with one decoded VIM in memory at a time. Stops at the first syntax error."""
    window = Window(stream)
    try:
        if not window.blank():
            yield from _entries(window)
    except BadFile as error:
        yield Flaw(error.line or window.line, error.description)


def _entries(window: Window) -> Iterator[FileEntry | Flaw]:
    """Raises BadFile."""
    begin = window.accept(_BEGIN)
    if begin is None:
        window.expect(_OBJECT, 'expecting a list of VIMs, {"vims": [...]}, or one VIM')
        line, content = window.value()
        if isinstance(content, dict) and "vims" in content:
            raise BadFile("vims must be a list, and the only key", line)
        yield entry_of(line, content, whole=True)
        _require_end(window)
        return
    mark = "]" if begin["empty"] else ","
    while mark == ",":
        line, content = window.value()
        yield entry_of(line, content)
        mark = window.expect(_NEXT, "expecting ',' or ']'")["mark"]
    if begin["named"]:
        window.expect(_CLOSE, "expecting '}': no other keys may follow vims")
    _require_end(window)


def _require_end(window: Window) -> None:
    """Raise BadFile if something follows."""
    if not window.blank():
        raise window.wrong("expecting the end of the file")
