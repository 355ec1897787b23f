"""Reads kubeconfig files: clusters, users, and the contexts that join them, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vimesh.cli.client_files.named_files import NamedFiles
from vimesh.files.file_errors import BadFile
from vimesh.files.number_texts import NotText, written_text

_LISTS: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}
"""The lists of a file, and the key that holds what an item is about."""


@dataclass(frozen=True, slots=True)
class KubeItem:
    """A cluster, user or context."""

    name: str
    values: Mapping[Any, Any] = field(repr=False)
    files: NamedFiles = field(repr=False)
    """Paths are relative to the file that it is in."""

    def text(self, key: str) -> str:
        """Return a value; empty if it is missing. Raises BadFile."""
        try:
            return written_text(self.values.get(key))
        except NotText as error:
            raise BadFile(f"{key} {error}") from None


class KubeConfig:
    """Several files together; of items with the same name the first one counts, as for kubectl."""

    def __init__(self) -> None:
        self.clusters: dict[str, KubeItem] = {}
        self.users: dict[str, KubeItem] = {}
        self.contexts: dict[str, KubeItem] = {}
        self.current = ""

    def add(self, content: Mapping[Any, Any], files: NamedFiles) -> None:
        """Add a file. Raises BadFile."""
        for name, inner in _LISTS.items():
            kept: dict[str, KubeItem] = getattr(self, name)
            for item in _items(content, name, inner, files):
                kept.setdefault(item.name, item)
        current = content.get("current-context")
        self.current = self.current or (current if isinstance(current, str) else "")


def _items(content: Mapping[Any, Any], name: str, inner: str, files: NamedFiles) -> Iterator[KubeItem]:
    items = content.get(name) or []
    if not isinstance(items, list):
        raise BadFile(f"{name} must be a list")
    for item in items:
        values = item.get(inner) if isinstance(item, Mapping) else None
        called = item.get("name") if isinstance(item, Mapping) else None
        if called is None or not isinstance(values, Mapping | None):
            raise BadFile(f"{name} must have items with a name and a {inner}")
        try:
            yield KubeItem(written_text(called), values or {}, files)
        except NotText as error:
            raise BadFile(f"{name}: name {error}") from None
