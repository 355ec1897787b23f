"""Reads VIMs from CSV: the first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from vimesh.cli.input.csv_columns import LABELS, wrong_columns
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.files.entry_stream import EntryStream
from vimesh.files.file_errors import BadFile
from vimesh.files.stream_lines import Lines

_WORDS = {"unexpected end of data": "a quote is never closed"}


def entries(stream: EntryStream) -> Iterator[FileEntry | Flaw]:
    """Yield one entry per row. All values are text; an empty value counts as missing."""
    lines = Lines(stream)
    rows = csv.reader(_texts(lines), strict=True)
    line = 1
    try:
        head = next(rows, None)
        if head is None:
            return
        columns = [column.strip() for column in head]
        if wrong := wrong_columns(columns):
            yield Flaw(1, wrong)
            return
        line = rows.line_num + 1
        stream.begin_entry()
        for cells in rows:
            if cells:
                yield _entry(line, columns, cells)
            line = rows.line_num + 1
            stream.begin_entry()
    except csv.Error as error:
        yield Flaw(line, f"is not CSV: {_WORDS.get(str(error), error)}")
    except BadFile as error:
        yield Flaw(error.line or line, error.description)


def _texts(lines: Lines) -> Iterator[str]:
    """Raises BadFile."""
    # Decode line by line, so that an error names the line that is not UTF-8.
    while (line := lines.next()) is not None:
        yield line.text()


def _entry(line: int, columns: Sequence[str], cells: Sequence[str]) -> FileEntry | Flaw:
    if len(cells) > len(columns):
        return Flaw(line, f"has {len(cells)} values for {len(columns)} columns")
    content: dict[object, object] = {}
    for column, cell in zip(columns, cells, strict=False):
        if not cell:
            continue
        place: dict[object, object] = content
        # The key of a label may have dots.
        *groups, field = column.split(".", 1) if column.startswith(f"{LABELS}.") else column.split(".")
        for group in groups:
            inner = place.setdefault(group, {})
            if not isinstance(inner, dict):
                return Flaw(line, f"column {column} conflicts with another column that has a value")
            place = inner
        if field in place:
            return Flaw(line, f"column {column} conflicts with another column that has a value")
        place[field] = cell
    return FileEntry(line, content)
