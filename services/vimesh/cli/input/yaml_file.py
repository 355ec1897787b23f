"""Reads VIMs, or entries of another kind, from YAML: lists of them, `vims: [...]`, or one VIM per document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from vimesh.cli.input.file_entries import VIMS, EntryKind, FileEntry, Flaw, entry_of
from vimesh.files.entry_stream import EntryStream
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_ENTRIES
from vimesh.files.yaml_loader import WRITTEN_LOADER as LOADER
from vimesh.files.yaml_nodes import Composer
from vimesh.files.yaml_values import explained


def entries(stream: EntryStream, kind: EntryKind = VIMS) -> Iterator[FileEntry | Flaw]:
    """Yield the entries, with one of them in memory at a time. Stops at the first syntax error."""
    loader = LOADER(stream)
    composer = Composer(loader)
    try:
        yield from _explained(stream, composer, kind)
    except BadFile as error:
        yield Flaw(error.line or composer.line, error.description)
    finally:
        loader.dispose()


def _explained(stream: EntryStream, composer: Composer, kind: EntryKind) -> Iterator[FileEntry | Flaw]:
    """Raises BadFile."""
    documents = _Documents(stream, composer, kind)
    try:
        yield from documents.entries()
        stream.check(documents.line)
    except yaml.reader.ReaderError as error:
        raise explained(error, stream.line_at(error.position)) from None
    except yaml.YAMLError as error:
        # A stream that was cut at a size limit looks like truncated YAML: report the limit instead.
        stream.check(documents.line)
        raise explained(error, composer.line) from None


class _Documents:
    """Walks the parser's events, because the nodes of a whole document would take many times the size of its text."""

    def __init__(self, stream: EntryStream, composer: Composer, kind: EntryKind) -> None:
        self._stream = stream
        self._composer = composer
        self._kind = kind
        self.line = 1
        """Line where the last entry starts."""

    def entries(self) -> Iterator[FileEntry | Flaw]:
        """Raises YAMLError, BadFile."""
        composer = self._composer
        documents = 0
        while not isinstance(event := composer.next(), yaml.StreamEndEvent):
            self._begin()
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > MAX_ENTRIES:
                    raise BadFile(f"the file has more than {MAX_ENTRIES} documents", composer.line)
                composer.begin_document()
            elif isinstance(event, yaml.SequenceStartEvent):
                yield from self._items()
            elif isinstance(event, yaml.MappingStartEvent):
                yield from self._mapping(event)
            elif isinstance(event, yaml.ScalarEvent) and event.value:
                yield entry_of(_line(event), event.value, self._kind)

    def _begin(self) -> None:
        self._stream.check(self.line)
        self._stream.begin_entry()
        self._composer.begin_entry()
        self.line = self._composer.line

    def _entry(self, line: int, node: yaml.Node, *, whole: bool = False) -> FileEntry | Flaw:
        # A text that was cut at a size limit may still be valid YAML.
        self._stream.check(line)
        return entry_of(line, self._composer.value(node), self._kind, whole=whole)

    def _items(self) -> Iterator[FileEntry | Flaw]:
        while not isinstance(event := self._composer.next(), yaml.SequenceEndEvent):
            self._begin()
            yield self._entry(self.line, self._composer.node(event))

    def _mapping(self, begin: Any) -> Iterator[FileEntry | Flaw]:  # noqa: ANN401 - a MappingStartEvent of either parser
        """Read a document that is a mapping: one VIM, or `vims` as its only key with a list of them."""
        first, list_name = self._composer.next(), self._kind.list_name
        if isinstance(first, yaml.ScalarEvent) and first.value == list_name and self._composer.begins_list():
            yield from self._items()
            after = self._composer.next()
            if not isinstance(after, yaml.MappingEndEvent):
                yield Flaw(_line(after), f"is next to {list_name}, which must be the only key")
                self._begin()
                self._composer.mapping(begin, after)
            return
        yield self._entry(_line(begin), self._composer.mapping(begin, first), whole=True)


def _line(event: Any) -> int:  # noqa: ANN401 - any event
    return int(event.start_mark.line) + 1
