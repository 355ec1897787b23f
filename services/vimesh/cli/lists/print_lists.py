"""Prints a list while its pages arrive."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from vimesh.cli.formats.output_formats import Output
from vimesh.cli.lists.list_flags import ListChoice
from vimesh.cli.lists.list_writers import list_writer
from vimesh.cli.output.table_columns import ResourceTable, TableColumn

T = TypeVar("T")


async def print_pages(table: ResourceTable[T], pages: AsyncGenerator[Sequence[T]], choice: ListChoice) -> None:
    """Print each page when it arrives or, in the order of a column, all items at the end.

    If a call fails, what arrived before it is printed all the same, and the list has no end.
    """
    async with aclosing(pages):
        if choice.sort_by is not None:
            print_items(table, [item async for page in pages for item in page], choice)
            return
        writer = list_writer(table, choice)
        async for page in pages:
            # In a thread, so that the next page arrives meanwhile.
            await asyncio.to_thread(writer.add, page)
            sys.stdout.flush()
        writer.end()


def print_items(table: ResourceTable[T], items: Sequence[T], choice: ListChoice, after: Sequence[T] = ()) -> None:
    """Print all items of a list. `after`: those that stay behind the others, in whatever order these are."""
    writer = list_writer(table, choice)
    writer.add([*_sorted(items, choice.sort_by, descending=choice.descending)[: choice.limit], *after])
    writer.end()


def print_item(table: ResourceTable[T], item: T, output: Output) -> bool:
    """Print one thing as its row, if a format of rows was chosen. Return whether that was so."""
    if output not in (Output.WIDE, Output.CSV, Output.NAME):
        return False
    print_items(table, [item], ListChoice(output))
    return True


def _sorted(items: Sequence[T], column: TableColumn[T] | None, *, descending: bool) -> Sequence[T]:
    if column is None:
        return items

    def key(item: T) -> tuple[bool, Any]:
        # Where most have a number, a text says that there is none.
        value = column.value_of(item)
        return isinstance(value, str), value

    return sorted(items, key=key, reverse=descending)
