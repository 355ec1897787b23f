"""Reads VIMs from JSON Lines: one VIM per line."""

from __future__ import annotations

from collections.abc import Iterator

from vimesh.cli.input.file_entries import FileEntry, Flaw, entry_of
from vimesh.files.entry_stream import EntryStream
from vimesh.files.file_errors import BadFile
from vimesh.files.json_values import read_json
from vimesh.files.stream_lines import Line, Lines


def entries(stream: EntryStream) -> Iterator[FileEntry | Flaw]:
    lines = Lines(stream)
    try:
        while (line := lines.next()) is not None:
            stream.begin_entry()
            yield from _entry(line)
    except BadFile as error:
        yield Flaw(error.line or lines.number, error.description)


def _entry(line: Line) -> Iterator[FileEntry | Flaw]:
    try:
        text = line.text()
        if text.strip():
            yield entry_of(line.number, read_json(text.rstrip("\r\n")))
    except BadFile as error:
        yield Flaw(line.number, error.description)
