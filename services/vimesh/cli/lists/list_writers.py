"""Writes a list part by part, in any format."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from google.protobuf.message import Message

from vimesh.cli.base.terminal import printable
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.lists.list_flags import ListChoice
from vimesh.cli.output import documents
from vimesh.cli.output.message_json import message_json
from vimesh.cli.output.table_columns import ResourceTable, TableColumn
from vimesh.cli.output.text_tables import TableWriter

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

_INDENT: Final = "  "


class ListWriter(Protocol[T_contra]):
    def add(self, items: Sequence[T_contra]) -> None: ...

    def end(self) -> None:
        """Write what ends the list, also of one without items."""


def list_writer(table: ResourceTable[T], choice: ListChoice) -> ListWriter[T]:
    match choice.output:
        case Output.TABLE | Output.WIDE:
            return _TableRows(table, choice)
        case Output.CSV:
            return _CsvRows(table, choice)
        case Output.NAME:
            return _NameLines(table)
        case Output.JSON:
            return _JsonArray(table)
        case Output.YAML:
            return _YamlList(table)
        case _:
            return _WholeDocument(table, choice.output)


class _TableRows(Generic[T]):
    def __init__(self, table: ResourceTable[T], choice: ListChoice) -> None:
        self._table = table
        self._choice = choice
        self._columns: Sequence[TableColumn[T]] = ()
        self._writer: TableWriter | None = None

    def add(self, items: Sequence[T]) -> None:
        if self._writer is None:
            self._writer = self._begin(items)
        self._writer.add([[column.cell(item) for column in self._columns] for item in items])

    def end(self) -> None:
        if self._writer is None:
            self.add(())

    def _begin(self, items: Sequence[T]) -> TableWriter:
        self._columns = _columns(self._table, self._choice, items)
        titles = [column.title for column in self._columns]
        # Columns that are asked for by name are not left out for want of room.
        return TableWriter(titles, headers=self._choice.headers, spare=not self._choice.columns)


class _CsvRows(Generic[T]):
    def __init__(self, table: ResourceTable[T], choice: ListChoice) -> None:
        self._columns = _columns(table, choice, ())
        self._csv = csv.writer(sys.stdout, lineterminator="\n")
        if choice.headers:
            self._csv.writerow([column.title for column in self._columns])

    def add(self, items: Sequence[T]) -> None:
        self._csv.writerows([printable(str(column.value_of(item))) for column in self._columns] for item in items)

    def end(self) -> None: ...


class _NameLines(Generic[T]):
    def __init__(self, table: ResourceTable[T]) -> None:
        self._name = table.name

    def add(self, items: Sequence[T]) -> None:
        sys.stdout.write("".join(f"{printable(self._name(item))}\n" for item in items))

    def end(self) -> None: ...


class _JsonArray(Generic[T]):
    def __init__(self, table: ResourceTable[T]) -> None:
        self._table = table
        self._is_begun = False

    def add(self, items: Sequence[T]) -> None:
        if items:
            text = f",\n{_INDENT}".join(_json(self._table, item) for item in items)
            documents.write_json(f"{',' if self._is_begun else '['}\n{_INDENT}{text}")
            self._is_begun = True

    def end(self) -> None:
        sys.stdout.write("\n]\n" if self._is_begun else "[]\n")


class _YamlList(Generic[T]):
    def __init__(self, table: ResourceTable[T]) -> None:
        self._table = table
        self._is_begun = False

    def add(self, items: Sequence[T]) -> None:
        if items:
            documents.write(Output.YAML, [_content(self._table, item) for item in items])
            self._is_begun = True

    def end(self) -> None:
        if not self._is_begun:
            documents.write(Output.YAML, [])


class _WholeDocument(Generic[T]):
    """For formats that need the whole list."""

    def __init__(self, table: ResourceTable[T], output: Output) -> None:
        self._table = table
        self._output = output
        self._contents: list[Mapping[str, Any]] = []

    def add(self, items: Sequence[T]) -> None:
        self._contents += [_content(self._table, item) for item in items]

    def end(self) -> None:
        documents.write(self._output, self._contents)


def _columns(table: ResourceTable[T], choice: ListChoice, items: Sequence[T]) -> Sequence[TableColumn[T]]:
    if choice.columns:
        return [table.column(title) for title in choice.columns]
    shown = table.shown(items, wide=choice.output is not Output.TABLE)
    return [*shown, *(table.column(title) for title in choice.more_columns)]


def _json(table: ResourceTable[T], item: T) -> str:
    if isinstance(item, Message):
        return message_json(item, _INDENT)
    return json.dumps(table.document(item), indent=2, ensure_ascii=False).replace("\n", f"\n{_INDENT}")


def _content(table: ResourceTable[T], item: T) -> Mapping[str, Any]:
    # Reading what was written quickly takes less time than converting the message slowly.
    content: Mapping[str, Any] = json.loads(message_json(item)) if isinstance(item, Message) else table.document(item)
    return content
