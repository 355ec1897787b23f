"""VIMs as YAML: lists of them, `vims: [...]`, or one a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import yaml

from vimesh.cli.vim.bulk.entries import Entry, Flaw, entry_of

# libyaml's parser is about ten times as fast as the one in Python, and not part of every PyYAML.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LIST = "vims"


def entries(file: BinaryIO) -> Iterator[Entry | Flaw]:
    """Keep one VIM in memory at a time. What comes after a slip cannot be told apart any more."""
    loader = _LOADER(file)
    try:
        yield from _Documents(loader).entries()
    except yaml.YAMLError as error:
        yield _flaw(error)
    except UnicodeDecodeError:
        yield Flaw(1, "is not UTF-8 text")
    except (ValueError, RecursionError):
        # Such as a date that is none.
        yield Flaw(1, "holds values that cannot be read")
    finally:
        loader.dispose()


class _Documents:
    """Walks over the parser's events: the nodes of a whole document would be many times as large as its text."""

    def __init__(self, loader: Any) -> None:  # noqa: ANN401 - either of two
        self._loader = loader
        self._anchors: dict[str, yaml.Node] = {}

    def entries(self) -> Iterator[Entry | Flaw]:
        """Raises YAMLError, ValueError, RecursionError."""
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
            elif isinstance(event, yaml.SequenceStartEvent):
                yield from self._items()
            elif isinstance(event, yaml.MappingStartEvent):
                yield from self._mapping(event)
            elif isinstance(event, yaml.ScalarEvent) and event.value:
                yield entry_of(_line(event), event.value)

    def _next(self) -> Any:  # noqa: ANN401 - any event, with marks of either parser
        return self._loader.get_event()

    def _items(self) -> Iterator[Entry | Flaw]:
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            yield entry_of(_line(event), self._value(self._node(event)))

    def _mapping(self, begin: Any) -> Iterator[Entry | Flaw]:  # noqa: ANN401 - see _mapping_node
        """Read a document that is a mapping: a VIM, or the list of them under its only key."""
        first = self._next()
        named = isinstance(first, yaml.ScalarEvent) and first.value == _LIST
        if named and self._loader.check_event(yaml.SequenceStartEvent):
            self._next()
            yield from self._items()
            after = self._next()
            if not isinstance(after, yaml.MappingEndEvent):
                yield Flaw(_line(after), f"stands beside {_LIST}, where nothing is expected")
                self._pairs(after)
            return
        node = self._mapping_node(begin)
        node.value = self._pairs(first)
        yield entry_of(_line(begin), self._value(node))

    def _value(self, node: yaml.Node) -> object:
        return self._loader.construct_document(node)

    def _node(self, event: Any) -> yaml.Node:  # noqa: ANN401 - any event
        begin = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise yaml.MarkedYAMLError(problem_mark=begin)
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            return self._noted(
                event, yaml.ScalarNode(self._tag(yaml.ScalarNode, event, event.value), event.value, begin)
            )
        if isinstance(event, yaml.SequenceStartEvent):
            sequence = yaml.SequenceNode(self._tag(yaml.SequenceNode, event, None), [], begin)
            self._noted(event, sequence)
            while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
                sequence.value.append(self._node(inner))
            return sequence
        node = self._mapping_node(event)
        node.value = self._pairs(self._next())
        return node

    def _mapping_node(self, event: Any) -> yaml.MappingNode:  # noqa: ANN401 - a MappingStartEvent of either parser
        node = yaml.MappingNode(self._tag(yaml.MappingNode, event, None), [], event.start_mark)
        self._noted(event, node)
        return node

    def _pairs(self, event: Any) -> list[tuple[yaml.Node, yaml.Node]]:  # noqa: ANN401 - any event
        """Read a mapping from the event of its first key to its end."""
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        while not isinstance(event, yaml.MappingEndEvent):
            pairs.append((self._node(event), self._node(self._next())))
            event = self._next()
        return pairs

    def _noted(self, event: Any, node: yaml.Node) -> yaml.Node:  # noqa: ANN401 - an event that may have an anchor
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _tag(self, kind: type[yaml.Node], event: Any, value: str | None) -> str:  # noqa: ANN401 - see above
        if event.tag is not None and event.tag != "!":
            return str(event.tag)
        return str(self._loader.resolve(kind, value, event.implicit))


def _flaw(error: yaml.YAMLError) -> Flaw:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Flaw(1, "cannot be read as YAML")
    return Flaw(mark.line + 1, f"cannot be read as YAML{_problem(error)} at character {mark.column + 1}")


def _problem(error: yaml.YAMLError) -> str:
    """Return what the parser says, unless more of the file than one character may be in it: there may be passwords."""
    if not isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError):
        return ""
    return f": {error.problem}" if error.problem and "tag handle" not in error.problem else ""


def _line(event: Any) -> int:  # noqa: ANN401 - any event
    return int(event.start_mark.line) + 1
