"""Names the values of enumerations, those of newer servers too."""

from __future__ import annotations

from typing import Any

from vimesh.v1.vim_pb2 import Vim


def name_of(enumeration: Any, value: int) -> str:  # noqa: ANN401 - protobuf's wrappers share no class
    """Return the name of a value; its number if only a newer server knows it."""
    try:
        return str(enumeration.Name(value))
    except ValueError:
        return str(value)


def status_name(value: Vim.Status.ValueType) -> str:
    return name_of(Vim.Status, value)
