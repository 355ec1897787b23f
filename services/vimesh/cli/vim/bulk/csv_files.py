"""VIMs as a table: the first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from vimesh.cli.vim.bulk.entries import Entry, Flaw
from vimesh.cli.vim.bulk.known import FREE_FORM, KNOWN, POLICY, unknown

_GROUPS = (*FREE_FORM, "probe_policy")
"""Their fields are columns such as `auth_cred.username`."""


def entries(file: BinaryIO) -> Iterator[Entry | Flaw]:
    """Read all values as text; an empty one is as if it were not there."""
    # One line after the other: so it is known which one is no text.
    rows = csv.reader((line.decode("utf-8-sig") for line in file), strict=True)
    try:
        head = next(rows, None)
        if head is None:
            return
        columns = [column.strip() for column in head]
        if (flaw := _wrong(columns)) is not None:
            yield flaw
            return
        line = rows.line_num + 1
        for cells in rows:
            if cells:
                yield _entry(line, columns, cells)
            line = rows.line_num + 1
    except csv.Error as error:
        yield Flaw(rows.line_num, f"is not CSV: {error}")
    except UnicodeDecodeError:
        yield Flaw(rows.line_num + 1, "is not UTF-8 text")


def _wrong(columns: Sequence[str]) -> Flaw | None:
    if "name" not in columns:
        if any(mark in column for column in columns for mark in ";\t"):
            return Flaw(1, "must separate the columns by commas, as in name,auth_url")
        return Flaw(1, "must name the columns, such as name,auth_url,auth_cred.username,auth_cred.password")
    for number, column in enumerate(columns):
        wrong = "is there twice" if column in columns[:number] else _wrong_name(column)
        if wrong:
            return Flaw(1, f"column {column} {wrong}")
    return None


def _wrong_name(column: str) -> str:
    group, dot, field = column.partition(".")
    if dot and group not in _GROUPS:
        return f"is not known: only {', '.join(_GROUPS)} have columns with a dot"
    if not dot and group in _GROUPS:
        return f"needs the name of a field, as in {column}.username"
    if group == "probe_policy" and field not in POLICY:
        return unknown(field, POLICY)
    if column and not dot and column not in KNOWN:
        return unknown(column)
    return ""


def _entry(line: int, columns: Sequence[str], cells: Sequence[str]) -> Entry | Flaw:
    if len(cells) > len(columns):
        return Flaw(line, f"has {len(cells)} values for {len(columns)} columns")
    content: dict[object, object] = {}
    for column, cell in zip(columns, cells, strict=False):
        if not cell:
            continue
        place: dict[object, object] = content
        *groups, field = column.split(".")
        for group in groups:
            inner = place.setdefault(group, {})
            if not isinstance(inner, dict):
                return Flaw(line, f"column {column} is part of another one that has a value")
            place = inner
        place[field] = cell
    return Entry(line, content)
