"""Builds YAML's nodes from the parser's events, and counts their values, including what aliases stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_ANCHORED_VALUES, MAX_DEPTH, MAX_ENTRY_BYTES, MAX_VALUES
from vimesh.files.json_values import TOO_DEEP, TOO_MANY_VALUES

_SHORT = 20
_MOST_TAGS = 1000
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: yaml.Node
    values: int
    characters: int


class Composer:
    """Composes nodes within limits. Raises BadFile with the line, and YAMLError."""

    def __init__(self, loader: Any) -> None:  # noqa: ANN401 - either parser
        self._loader = loader
        self._anchors: dict[str, _Anchored | None] = {}
        """None: the node is not complete yet."""
        self._anchored_values = 0
        self._values = 0
        self._characters = 0
        self._tags: dict[tuple[str, bool], str] = {}
        """The resolved tags of short scalars: most of them are the keys that every VIM repeats."""
        self._event: Any = None

    @property
    def line(self) -> int:
        """The line where the last event began, counted from 1."""
        return 1 if self._event is None else int(self._event.start_mark.line) + 1

    def begin_document(self) -> None:
        self._anchors.clear()
        self._anchored_values = 0

    def begin_entry(self) -> None:
        self._values = self._characters = 0

    def next(self) -> Any:  # noqa: ANN401 - any event, with marks of either parser
        self._event = event = self._loader.get_event()
        return event

    def begins_list(self) -> bool:
        """Consume the start of a list if it is next; return whether it was."""
        if not self._loader.check_event(yaml.SequenceStartEvent):
            return False
        self.next()
        return True

    def value(self, node: yaml.Node) -> object:
        try:
            return self._loader.construct_document(node)
        except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
            # The node does not fit its tag, such as a list that is tagged as a number.
            raise BadFile("holds a value that cannot be read", int(node.start_mark.line) + 1) from None

    def node(self, event: Any, depth: int = 0) -> yaml.Node:  # noqa: ANN401 - any event
        values, characters = self._values, self._characters
        if isinstance(event, yaml.ScalarEvent):
            node: yaml.Node = self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            return self._meant(event)
        else:
            self._spend(1, 0)
            node = self._collection(event, depth)
        if event.anchor is not None:
            self._remember(event.anchor, _Anchored(node, self._values - values, self._characters - characters))
        return node

    def mapping(self, begin: Any, first: Any) -> yaml.MappingNode:  # noqa: ANN401 - events
        """Build a mapping whose first key has already been read."""
        self._spend(1, 0)
        return self._mapping_node(begin, first, 1)

    def _scalar(self, event: Any) -> yaml.ScalarNode:  # noqa: ANN401 - a ScalarEvent
        value = event.value
        self._spend(1, len(value))
        if event.tag is not None or len(value) > _SHORT:
            return yaml.ScalarNode(self._tag(yaml.ScalarNode, event, value), value, event.start_mark)
        plain = event.implicit[0]
        tag = self._tags.get((value, plain))
        if tag is None:
            tag = self._tag(yaml.ScalarNode, event, value)
            if len(self._tags) < _MOST_TAGS:
                self._tags[value, plain] = tag
        return yaml.ScalarNode(tag, value, event.start_mark)

    def _mapping_node(self, begin: Any, first: Any, depth: int) -> yaml.MappingNode:  # noqa: ANN401 - events
        return yaml.MappingNode(self._tag(yaml.MappingNode, begin, None), self._pairs(first, depth), begin.start_mark)

    def _collection(self, event: Any, depth: int) -> yaml.Node:  # noqa: ANN401 - of a list or a mapping
        if depth == MAX_DEPTH:
            raise BadFile(TOO_DEEP, self.line)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping_node(event, self.next(), depth + 1)
        items: list[yaml.Node] = []
        while not isinstance(inner := self.next(), yaml.SequenceEndEvent):
            items.append(self.node(inner, depth + 1))
        return yaml.SequenceNode(self._tag(yaml.SequenceNode, event, None), items, event.start_mark)

    def _pairs(self, event: Any, depth: int) -> list[tuple[yaml.Node, yaml.Node]]:  # noqa: ANN401 - of the first key
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        keys: set[tuple[str, str]] = set()
        while not isinstance(event, yaml.MappingEndEvent):
            key = self.node(event, depth)
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if (key.tag, key.value) in keys:
                    raise BadFile("has a duplicate key in a mapping", self.line)
                keys.add((key.tag, key.value))
            pairs.append((key, self.node(self.next(), depth)))
            event = self.next()
        return pairs

    def _meant(self, event: Any) -> yaml.Node:  # noqa: ANN401 - an AliasEvent
        if event.anchor not in self._anchors:
            raise yaml.MarkedYAMLError(problem_mark=event.start_mark)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise BadFile("has an alias inside its own anchor", self.line)
        self._spend(anchored.values, anchored.characters)
        return anchored.node

    def _spend(self, values: int, characters: int) -> None:
        self._values += values
        self._characters += characters
        if self._values > MAX_VALUES:
            raise BadFile(TOO_MANY_VALUES, self.line)
        if self._characters > MAX_ENTRY_BYTES:
            raise BadFile(f"holds more than {MAX_ENTRY_BYTES} characters", self.line)

    def _remember(self, anchor: str, anchored: _Anchored) -> None:
        self._anchors[anchor] = anchored
        self._anchored_values += anchored.values
        if self._anchored_values > MAX_ANCHORED_VALUES:
            raise BadFile(f"has anchors on more than {MAX_ANCHORED_VALUES} values", self.line)

    def _tag(self, kind: type[yaml.Node], event: Any, value: str | None) -> str:  # noqa: ANN401 - see above
        if event.tag is not None and event.tag != "!":
            return str(event.tag)
        return str(self._loader.resolve(kind, value, event.implicit))
