"""Leaves out the fields of a VIM that a caller has not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from vimesh.domain.errors import BadInput, Violation
from vimesh.v1.vim_pb2 import Vim

_EVERYTHING: Final = "*"
_MAX_VIOLATIONS: Final = 16
_Tree = Mapping[str, Any]
"""The fields to keep, each with those to keep of it: all, if it has none."""


class ReadMask:
    """Equal for masks that name the same fields."""

    def __init__(self, mask: FieldMask | None = None) -> None:
        """Raise BadInput if a path is not one of a VIM."""
        paths = [] if mask is None or _EVERYTHING in mask.paths else mask.paths
        if unknown := [path for path in paths if not FieldMask(paths=[path]).IsValidForDescriptor(Vim.DESCRIPTOR)]:
            raise BadInput(
                *(Violation("read_mask", f"a VIM has no field {path[:50]!r}") for path in unknown[:_MAX_VIOLATIONS])
            )
        canonical = FieldMask()
        canonical.CanonicalFormFromMask(FieldMask(paths=paths))
        self.paths = tuple(canonical.paths)
        """The fields to keep, in order; none: all."""
        self._tree = _tree_of(self.paths)

    def apply(self, vim: Vim) -> Vim:
        """Clear all other fields of the message, and return it."""
        if self._tree:
            _keep(vim, self._tree)
        return vim


def _tree_of(paths: tuple[str, ...]) -> _Tree:
    tree: dict[str, Any] = {}
    for path in paths:
        inner = tree
        for name in path.split("."):
            inner = inner.setdefault(name, {})
    return tree


def _keep(message: Message, tree: _Tree) -> None:
    for field, value in message.ListFields():
        inner = tree.get(field.name)
        if inner is None:
            message.ClearField(field.name)
        elif inner:
            _keep(value, inner)


WHOLE_VIM: Final = ReadMask()
